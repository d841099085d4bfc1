"""The development mailbox: shows what would have been sent, to this machine alone."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from libs.edge.wire import VERSION, Reply, Request, decode_reply, encode
from libs.eventstore import Envelope
from libs.runtime.clock import wall
from libs.runtime.ids import text, uuid7
from services.connections.projections import ERASED, erased
from services.login.events import UserErased
from tests.servers import PostgresServer
from tests.services.connections.house import House, shared_house

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asked(
    home: House, path: str, *, address: str = "127.0.0.1", tenant: str | None = None, method: str = "GET"
) -> Reply:
    tenant = tenant or home.acme
    request = Request(
        VERSION, method, "https", home.hosts[tenant], path, "", [], b"", address, None, tenant, text(8),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", wall() + 5,
    )  # fmt: skip
    return decode_reply(await home.bus.request("edge.v1.connections", encode(request), timeout=5))


async def mails(home: House, **more: Any) -> list[dict[str, Any]]:
    reply = await asked(home, "/dev/mailbox.json", **more)
    assert reply.status == 200
    found: list[dict[str, Any]] = json.loads(reply.body)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def the_house(postgres_process: PostgresServer) -> AsyncIterator[House]:
    async with shared_house(postgres_process, LIMEN_DEV_MAILBOX="on") as one:
        yield one


async def test_mails_are_shown_to_this_machine_newest_first_and_kept_encrypted(home: House) -> None:
    await home.mail(id="first")
    await home.ended("mail_sent")
    await home.mail("reset_email", id="second", to="<b>@example.com")
    await home.ended("mail_sent", "mail_failed")
    await home.mail("reset_email", id="third", variables={"url": "https://id.acme.example/u/reset?a=1&b=2"})
    await home.ended("mail_sent", "mail_failed", "mail_sent")
    newest, oldest = await mails(home)
    assert (newest["id"], oldest["id"]) == ("third", "first")
    assert newest.keys() == {"id", "to", "subject", "template", "text", "html", "links", "at"}
    assert newest["links"] == ["https://id.acme.example/u/reset?a=1&b=2"]
    assert (oldest["to"], oldest["template"]) == ("ada@example.com", "verify_email")
    assert await mails(home, tenant=home.other) == []

    page = await asked(home, "/dev/mailbox", address="::1")
    headers = dict(page.headers)
    assert b'<a href="https://id.acme.example/u/reset?a=1&amp;b=2">' in page.body
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'nonce-")
    assert headers["cache-control"] == "no-store"
    for address in ("192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", ""):
        assert (await asked(home, "/dev/mailbox", address=address)).status == 404
        assert (await asked(home, "/dev/mailbox.json", address=address)).status == 404
        assert (await asked(home, "/dev/mailbox.json", address=address, method="DELETE")).status == 404
    for row in await home.run("SELECT sealed FROM dev_mailbox"):
        assert b"example" not in row["sealed"]
    assert (await asked(home, "/dev/mailbox.json", method="DELETE")).status == 204
    assert await mails(home) == []


async def test_the_mailbox_keeps_no_more_than_the_newest(home: House) -> None:
    await home.run(
        "INSERT INTO dev_mailbox (tenant, delivery_id, sealed, at) "
        f"SELECT '{home.acme}', 'old' || n, '', '2020-01-01' FROM generate_series(1, 500) AS n"
    )
    await home.mail(id="new")
    await home.ended("mail_sent")
    kept = await home.run(f"SELECT delivery_id FROM dev_mailbox WHERE tenant = '{home.acme}'")
    assert len(kept) == 200
    assert "new" in {row["delivery_id"] for row in kept}


async def erase(home: House, person: str) -> None:
    """As it is heard of `login`."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    heard = Envelope(
        id=uuid7(), tenant=home.acme, stream=f"person-{person}", version=2, log="facts", epoch=1, pos=1,
        type="login.user_erased", v=1, occurred_at=now, at=now,
        data=msgspec.Raw(msgspec.json.encode(UserErased(person=person))),
    )  # fmt: skip
    async with home.database("connections") as database, database.transaction() as rows:
        await erased().apply(rows, ERASED, [heard])


async def test_mails_that_wait_and_mails_that_are_kept_go_with_who_they_are_to(home: House) -> None:
    await home.mail(id="kept", person="p1")
    await home.mail(id="bobs", person="p2")
    await home.ended("mail_sent", "mail_sent")
    assert {each["id"] for each in await mails(home)} == {"kept", "bobs"}
    await home.run(
        "INSERT INTO deliveries (tenant, delivery_id, kind, label, subject, payload, due_at) "
        f"VALUES ('{home.acme}', 'waits', 'mail', 'reset_email', 'p1', 'x', clock_timestamp() + interval '1 hour')"
    )
    await erase(home, "p1")
    assert [each["id"] for each in await mails(home)] == ["bobs"]
    assert [row["delivery_id"] for row in await home.deliveries()] == ["bobs"]
    await home.mail(id="late", person="p1")
    await home.mail(id="other tenant", person="p1", tenant=home.other)
    assert {row["delivery_id"] for row in await home.deliveries()} == {"bobs", "other tenant"}


async def test_a_mail_looks_as_the_branding_says_when_it_is_sent(home: House) -> None:
    token = await home.token(home.acme, scope="update:branding")
    picture = "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n of nothing").decode()
    body = {"colors": {"primary": "#0a8f5b"}, "logo_url": picture}
    assert (await home.management("tenants", "PATCH", "/api/v2/branding", body, token=token)).status == 200
    await home.mail(id="branded")
    await home.mail(id="plain", tenant=home.other)
    await home.ended("mail_sent", "mail_sent")
    (branded,), (plain,) = await mails(home), await mails(home, tenant=home.other)
    assert "#0a8f5b" in branded["html"]
    assert f'<img src="https://id.{home.acme}.example/u/branding/logo?v=' in branded["html"]
    assert "#0a8f5b" not in plain["html"]
    assert "<img" not in plain["html"]
