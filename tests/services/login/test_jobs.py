"""`/api/v2/jobs`: a verification mail that an administrator asks for can be followed until it was handed on."""

import asyncio
from typing import Final

import pytest

from libs.runtime.errors import Unavailable
from services.login.factors.mails import MAIL
from services.login.rows import jobs
from services.login.rows.errands import TRIES, Errand, Errands
from tests.services.login.house import Answer, House

ASK: Final = "jobs/verification-email"


async def asked(house: House, user_id: str, key: str = "") -> str:
    answer = await house.manage("POST", ASK, {"user_id": user_id}, key=key)
    assert (answer.status, answer.body["status"]) == (201, "pending")
    return str(answer.body["id"])


async def look(house: House, job: str, **how: str) -> Answer:
    return await house.manage("GET", f"jobs/{job}", **how)


async def test_a_job_is_pending_until_its_mail_was_handed_on(house: House) -> None:
    ada = await house.user()
    made = await house.manage("POST", ASK, {"user_id": ada["user_id"]})
    assert (await look(house, made.body["id"])).body == made.body
    await house.hand_on()
    assert house.mailbox.templates() == ["verify_email"]
    found = await look(house, made.body["id"])
    assert (found.status, found.body) == (200, {**made.body, "status": "completed"})
    errors = await look(house, f"{made.body['id']}/errors")
    assert (errors.status, errors.content) == (204, b"")


async def test_a_job_whose_mail_is_given_up_has_failed(house: House) -> None:
    job = await asked(house, (await house.user())["user_id"])

    async def away(_errand: Errand) -> None:
        raise Unavailable("connections is away")

    errands = Errands(house.database, {MAIL: away})
    assert await errands.once() == 1
    assert (await look(house, job)).body["status"] == "pending"
    await house.rows("UPDATE errands SET due_at = clock_timestamp(), tries = $1", TRIES - 1)
    assert await errands.once() == 1
    found = (await look(house, job)).body
    assert (found["status"], "not sent" in found["status_details"]) == ("failed", True)
    assert (await look(house, f"{job}/errors")).status == 204


async def test_an_errand_that_a_newer_release_wrote_is_left_to_it(house: House) -> None:
    await asked(house, (await house.user())["user_id"])
    await house.rows("UPDATE errands SET kind = 'of_a_later_release'")
    assert await house.errands.once() == 0
    assert [row["tries"] for row in await house.rows("SELECT tries FROM errands")] == [0]


async def test_a_mail_too_many_is_a_job_that_failed(house: House) -> None:
    ada = await house.user()
    made = [await asked(house, ada["user_id"], key=f"k{number}") for number in range(12)]
    await house.hand_on()
    statuses = [(await look(house, job)).body["status"] for job in made]
    sent = len(house.mailbox.mails)
    assert 0 < sent < len(made)
    assert statuses == ["completed"] * sent + ["failed"] * (len(made) - sent)
    assert await asked(house, ada["user_id"], key="k11") == made[-1]


async def test_a_request_sent_again_under_its_key_names_the_same_job(house: House) -> None:
    ada = await house.user()
    answers = await asyncio.gather(*(house.manage("POST", ASK, {"user_id": ada["user_id"]}, key="k") for _ in range(4)))
    job = await asked(house, ada["user_id"], key="k")
    assert {each.body["id"] for each in answers if each.status == 201} == {job}
    assert len(await house.rows("SELECT 1 FROM jobs")) == 1


@pytest.mark.security("AD-02")
async def test_a_job_of_another_tenant_or_of_nobody_does_not_exist(house: House) -> None:
    job = await asked(house, (await house.user())["user_id"])
    for suffix in ("", "/errors"):
        for each, tenant in ((job, "other"), ("job_0000000000000000", "acme")):
            answer = await look(house, each + suffix, tenant=tenant)
            assert answer.status == 404
            assert answer.body == {
                "statusCode": 404,
                "error": "Not Found",
                "message": "The job does not exist.",
                "errorCode": "inexistent_job",
            }
        for scope, status in (("read:users", (200, 204)), ("create:users", (200, 204)), ("update:users", (403,))):
            assert (await look(house, job + suffix, scope=scope)).status in status


async def test_a_job_goes_with_its_person_and_after_a_day(house: House) -> None:
    ada, bob = await house.user(), await house.user("bob@corp.example")
    hers, his = await asked(house, ada["user_id"]), await asked(house, bob["user_id"])
    await house.manage("DELETE", f"users/{ada['user_id'].replace('|', '%7C')}")
    assert ((await look(house, hers)).status, (await look(house, his)).status) == (404, 200)
    await house.rows("UPDATE jobs SET created_at = created_at - interval '23 hours'")
    await house.rows(jobs.FORGET)
    assert (await look(house, his)).status == 200
    await house.rows("UPDATE jobs SET created_at = created_at - interval '2 hours'")
    await house.rows(jobs.FORGET)
    assert (await look(house, his)).status == 404
