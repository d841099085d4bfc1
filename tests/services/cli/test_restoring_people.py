"""What a restore says again of people, sessions, consents, connections and grants: each step, and then none."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from libs.eventstore import Context, Envelope, EventStore, Fact
from libs.postgres import Database
from libs.runtime.ids import uuid7
from libs.sealed import keyring_from_text, new_person_key
from services.cli.restoring import connections as of_connections
from services.cli.restoring import login as of_login
from services.cli.restoring.steps import Place, Reapply
from services.connections import app as connections
from services.connections.commands import CreateConnection
from services.connections.events import CATALOGUE as CONNECTIONS
from services.connections.events import ConnectionDeleted, ConnectionDisabled
from services.login import app as login
from services.login.commands import GiveConsent, RegisterUser
from services.login.events import CATALOGUE as PEOPLE
from services.login.events import (
    ConsentRevoked,
    UserBlocked,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
)
from services.login.routes.accounts import handlers
from tests.conftest import MakeDatabase, OpenBus
from tests.services.world import KEK

T = "acme"


async def restored(store: EventStore, table: Mapping[type, Reapply], lost: Fact) -> str | None:
    """Repeat one lost fact; what the operator is told, nothing where nothing was to do."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    envelope = Envelope(
        id=uuid7(), tenant=T, stream="x", version=1, log="facts", epoch=1, pos=1, type="x.y", v=1, occurred_at=now,
        at=now, data=msgspec.Raw(b"{}"),
    )  # fmt: skip
    step = await table[type(lost)](Place(store, {}), envelope, lost)
    if step is None:
        return None
    committed = await store.execute(step.command, Context())
    assert committed.events
    return step.says


async def registered(store: EventStore, **said: Any) -> None:
    await store.execute(
        RegisterUser(
            tenant=T, person="p1", key=new_person_key(), connection_id="con_1", connection="db", provider="auth0",
            user_id="auth0|1", profile={"email": "jo@acme.example"}, **said,
        ),
        Context(),
    )  # fmt: skip


@pytest.fixture
async def people(make_database: MakeDatabase, open_bus: OpenBus) -> AsyncIterator[EventStore]:
    addresses = await make_database(login=login.MIGRATIONS)
    database = await Database.open(addresses.of["login"], schema="login", most=3)
    commands = {**login.COMMANDS, **handlers(keyring_from_text(KEK))}
    yield EventStore(database, PEOPLE, await open_bus("login"), commands)
    await database.close()


async def test_what_ended_for_people_ends_again(people: EventStore) -> None:
    store = people
    await registered(store, email_verified=True, phc="$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g")
    consent = GiveConsent(T, "consent1", "p1", "app", None, ("openid",))
    await store.execute(consent, Context())
    lost: list[Fact] = [
        UserEmailVerified(person="p1", is_verified=False, by="api"),
        ConsentRevoked(person="p1", consent_id="consent1", client_id="app", audience=None),
        UserBlocked(person="p1"),
    ]
    for fact in lost:
        assert await restored(store, of_login.REAPPLY, fact), fact
        assert await restored(store, of_login.REAPPLY, fact) is None, fact
    assert await restored(store, of_login.REAPPLY, UserPasswordChanged(person="p1", by="reset"))
    assert await restored(store, of_login.REAPPLY, UserErased(person="p1"))
    for fact in (UserErased(person="p1"), UserBlocked(person="p1"), UserPasswordChanged(person="p1", by="reset")):
        assert await restored(store, of_login.REAPPLY, fact) is None, "who is forgotten stays so"


async def test_connections_stay_closed(make_database: MakeDatabase, open_bus: OpenBus) -> None:
    addresses = await make_database(connections=connections.MIGRATIONS)
    database = await Database.open(addresses.of["connections"], schema="connections", most=3)
    store = EventStore(database, CONNECTIONS, await open_bus("connections"), connections.COMMANDS)
    await store.execute(
        CreateConnection(
            tenant=T, connection_id="con_1", name="db", strategy="auth0", properties={}, enabled=["app", "other"]
        ),
        Context(),
    )
    for fact in (
        ConnectionDisabled(connection_id="con_1", client_id="app"),
        ConnectionDeleted(connection_id="con_1", name="db"),
    ):
        assert await restored(store, of_connections.REAPPLY, fact), fact
        assert await restored(store, of_connections.REAPPLY, fact) is None, fact
    await database.close()
