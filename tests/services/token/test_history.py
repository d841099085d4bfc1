"""`GET /api/v2/clients/{id}/history`: what happened to an application, and to whom it is told."""

from datetime import datetime
from typing import Any

import pytest

from libs.eventstore import Actor, Context
from services.token.commands import ChangeClient, RotateClientSecret
from services.token.commands import NewSecret as Secret
from tests.services.token.office import Office, credential, keys

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def history_of(office: Office, client_id: str, **how: Any) -> list[dict[str, Any]]:
    answer = await office.ask("GET", f"clients/{client_id}/history", **how)
    assert answer.status == 200, answer.body
    return list(answer.body["history"])


async def test_each_change_is_told_with_who_made_it_and_through_what(office: Office) -> None:
    client = await office.client()
    client_id = client["client_id"]
    await office.ask("PATCH", f"clients/{client_id}", {"name": "Renamed"})
    await office.ask("POST", f"clients/{client_id}/rotate-secret")
    told = await history_of(office, client_id)
    assert [(each["version"], each["type"]) for each in told] == [
        (1, "token.client_registered"),
        (2, "token.client_secret_issued"),
        (3, "token.client_changed"),
        (4, "token.client_secret_issued"),
    ]
    assert told[2]["data"] == {"client_id": client_id, "properties": {"name": "Renamed"}}
    for each in told:
        assert each["actor"] == {"kind": "client", "id": "operator"}
        assert each["client_id"] == "operator"
        assert each["request_id"].startswith("req-")
        assert each["trace"].split("-")[1] == TRACE
        assert datetime.fromisoformat(each["occurred_at"]).tzinfo is not None
    assert len({each["request_id"] for each in told}) == 3
    assert [each["position"] for each in told] == [f"facts-0-1-{pos}" for pos in (1, 2, 3, 4)]
    assert len({each["id"] for each in told}) == 4


async def test_causes_and_those_who_act_for_others_are_told(office: Office) -> None:
    client_id = (await office.client())["client_id"]
    through = [Actor("client", "portal"), Actor("service", "login")]
    context = Context(actor=Actor("user", "anna"), act=through, causation_id="because", correlation_id="all of it")
    await office.store.execute(ChangeClient("acme", client_id, {"name": "Hers"}), context)
    await office.store.execute(ChangeClient("acme", client_id, {"name": "Nobody's"}), Context())
    hers, nobodys = (await history_of(office, client_id))[-2:]
    assert hers["actor"] == {"kind": "user", "id": "anna"}
    assert hers["act"] == [{"kind": "client", "id": "portal"}, {"kind": "service", "id": "login"}]
    assert (hers["causation_id"], hers["correlation_id"]) == ("because", "all of it")
    assert nobodys["actor"] is None
    assert not {"act", "request_id", "trace", "causation_id", "correlation_id"} & nobodys.keys()


async def test_a_history_is_walked_once_by_checkpoints(office: Office) -> None:
    client_id = (await office.client())["client_id"]
    for number in range(5):
        await office.ask("PATCH", f"clients/{client_id}", {"name": f"Name {number}"})
    for take in (1, 3, 7, 100):
        walked, query = [], f"take={take}"
        while query:
            body = (await office.ask("GET", f"clients/{client_id}/history", query=query)).body
            assert 0 < len(body["history"]) <= take
            walked += [each["version"] for each in body["history"]]
            query = f"take={take}&from={body['next']}" if "next" in body else ""
        assert walked == [1, 2, 3, 4, 5, 6, 7]


async def test_a_page_ends_before_it_is_too_large_to_be_answered(office: Office) -> None:
    client_id = (await office.client())["client_id"]
    for number in range(20):
        large = ChangeClient("acme", client_id, {"description": f"{number:02}" * 30_000})
        await office.store.execute(large, Context())
    sizes, query = [], "take=100"
    while query:
        body = (await office.ask("GET", f"clients/{client_id}/history", query=query)).body
        sizes.append(len(body["history"]))
        query = f"take=100&from={body['next']}" if "next" in body else ""
    assert sizes == [19, 3]


async def test_the_history_of_a_deleted_application_stays(office: Office) -> None:
    client_id = (await office.client())["client_id"]
    await office.ask("DELETE", f"clients/{client_id}")
    assert (await office.ask("GET", f"clients/{client_id}")).status == 404
    assert (await history_of(office, client_id))[-1]["type"] == "token.client_deleted"
    assert (await office.ask("GET", "clients/nobody/history")).error == (404, "inexistent_client")


@pytest.mark.security("AD-02")
async def test_another_tenants_history_is_not_there(office: Office) -> None:
    client_id = (await office.client())["client_id"]
    path = f"clients/{client_id}/history"
    cursor = (await office.ask("GET", path, query="take=1")).body["next"]
    for query in ("", f"take=1&from={cursor}"):
        refused = await office.ask("GET", path, query=query, tenant="other")
        assert refused.status in {400, 404}
    assert (await office.ask("GET", path, tenant="other")).error == (404, "inexistent_client")


@pytest.mark.security("AD-06")
async def test_a_cursor_of_a_history_is_good_for_this_one_alone(office: Office) -> None:
    one, other = (await office.client())["client_id"], (await office.client())["client_id"]
    cursor = (await office.ask("GET", f"clients/{one}/history", query="take=1")).body["next"]
    for path, query in (
        (f"clients/{other}/history", f"from={cursor}"),
        ("clients", f"from={cursor}"),
        (f"clients/{one}/history", f"from={cursor[:-1]}"),
        (f"clients/{one}/history", "from=2"),
        (f"clients/{one}/history", "take=0"),
        (f"clients/{one}/history", "page=1"),
    ):
        assert (await office.ask("GET", path, query=query)).error == (400, "invalid_query_string"), (path, query)


@pytest.mark.security("AD-10")
async def test_no_secret_is_in_a_history(office: Office) -> None:
    client = await office.client()
    client_id, secret = client["client_id"], client["client_secret"]
    rotated = (await office.ask("POST", f"clients/{client_id}/rotate-secret")).body["client_secret"]
    await office.store.execute(RotateClientSecret("acme", client_id, Secret("sec_x", b"h" * 32), None), Context())
    said = str(await history_of(office, client_id))
    assert secret not in said
    assert rotated not in said
    assert "sha256" not in said


async def test_a_history_shows_what_the_callers_scopes_show(office: Office) -> None:
    pem = credential()["pem"]
    encryption = {"pub": pem, "cert": pem, "subject": "s"}
    client = await office.client(client_authentication_methods=keys(credential()), encryption_key=encryption)
    client_id = client["client_id"]
    await office.grant(client, await office.api(), "read")

    async def seen(scope: str) -> tuple[bool, bool, bool]:
        told = {each["type"]: each["data"] for each in await history_of(office, client_id, scope=scope)}
        assert all(each["client_id"] == client_id for each in told.values())
        return (
            "encryption_key" in told["token.client_registered"]["properties"],
            "jwk" in told["token.client_credential_added"],
            "scope" in told["token.client_grant_created"],
        )

    assert await seen("read:clients") == (False, False, False)
    assert await seen("read:clients read:client_keys") == (True, True, False)
    assert await seen("read:clients read:client_credentials") == (True, True, False)
    assert await seen("read:clients read:client_grants") == (False, False, True)
    assert (await office.ask("GET", f"clients/{client_id}/history", scope="read:client_keys")).status == 403
