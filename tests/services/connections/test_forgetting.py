"""Who was erased gets no mail any more, and none to them is kept (DESIGN §8)."""

from datetime import UTC, datetime

import msgspec

from libs.eventstore import Envelope
from libs.runtime.ids import uuid7
from services.connections.projections import ERASED, erased
from services.login.events import UserErased
from tests.conftest import MakeDatabase
from tests.servers import NatsServer
from tests.services.connections.house import House, house
from tests.services.connections.test_dev_mailbox import mails


async def erase(home: House, person: str) -> None:
    """As it is heard of `login`."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    heard = Envelope(
        id=uuid7(), tenant="acme", stream=f"person-{person}", version=2, log="facts", epoch=1, pos=1,
        type="login.user_erased", v=1, occurred_at=now, at=now,
        data=msgspec.Raw(msgspec.json.encode(UserErased(person=person))),
    )  # fmt: skip
    async with home.database("connections") as database, database.transaction() as rows:
        await erased().apply(rows, ERASED, [heard])


async def test_mails_that_wait_and_mails_that_are_kept_go_with_who_they_are_to(
    make_database: MakeDatabase, nats: NatsServer
) -> None:
    async with house(make_database, nats.url, LIMEN_DEV_MAILBOX="on") as home:
        await home.mail(id="kept", person="p1")
        await home.mail(id="bobs", person="p2")
        await home.ended("mail_sent", "mail_sent")
        assert {each["id"] for each in await mails(home)} == {"kept", "bobs"}
        await home.run(
            "INSERT INTO deliveries (tenant, delivery_id, kind, label, subject, payload, due_at) "
            "VALUES ('acme', 'waits', 'mail', 'reset_email', 'p1', 'x', clock_timestamp() + interval '1 hour')"
        )
        await erase(home, "p1")
        assert [each["id"] for each in await mails(home)] == ["bobs"]
        assert [row["delivery_id"] for row in await home.deliveries()] == ["bobs"]
        await home.mail(id="late", person="p1")
        await home.mail(id="other tenant", person="p1", tenant="other")
        assert {row["delivery_id"] for row in await home.deliveries()} == {"bobs", "other tenant"}
