"""An application's life over a real database: whatever an honest and a dishonest operator do, fold == row."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from functools import reduce
from itertools import count
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from libs.edge.management_errors import ManagementError
from libs.eventstore import Context, Event, Loaded
from services.token.commands import (
    AddClientCredential,
    ChangeClient,
    ChangeClientCredential,
    ChangeClientGrant,
    DeleteClient,
    DeleteClientCredential,
    DeleteClientGrant,
    GrantClient,
    NewCredential,
    NewSecret,
    RegisterClient,
    RotateClientSecret,
)
from services.token.events import CATALOGUE
from services.token.rows import ClientRows
from services.token.rules import client, client_properties
from services.token.rules.client import Client, NoClient, State
from services.token.rules.client_credentials import counting
from tests.services.token.office import Office

T = TypeVar("T")

NUMBERS: Final = count(1)
AUDIENCES: Final = ("https://one.example/", "https://two.example/")
METHODS: Final = st.sampled_from([None, "none", "client_secret_post", "client_secret_basic"])
SCOPES: Final = st.lists(st.sampled_from(["read", "write", "fly"]), unique=True).map(tuple)
CHOSEN: Final = st.integers(min_value=0, max_value=3)
PROPERTIES: Final = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
        "token_endpoint_auth_method": METHODS,
        "app_type": st.sampled_from([None, "spa", "native", "non_interactive", "regular_web"]),
        "client_metadata": st.dictionaries(st.sampled_from("abc"), st.none() | st.just("x")),
        "is_first_party": st.none() | st.booleans(),
        "sso": st.none() | st.booleans(),
    },
)


class ClientLife(RuleBasedStateMachine):
    """One application; the class attributes are the test's."""

    office: Office
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.client_id = f"client{next(NUMBERS)}"
        self.hashes: dict[str, bytes] = {}
        self.ended: set[str] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=10)

    def does(self, command: Any) -> None:
        """A refusal is an answer like any other; what must not happen is that it leaves a trace."""
        with suppress(ManagementError):
            self.run(self.office.store.execute(command, Context()))

    def secret(self) -> NewSecret:
        number = next(NUMBERS)
        made = NewSecret(f"sec_{number}", number.to_bytes(32))
        self.hashes[made.secret_id] = made.sha256
        return made

    def key(self, chosen: int) -> NewCredential:
        jwk = {"kty": "EC", "x": str(chosen), "y": str(chosen)}
        return NewCredential(f"cred_{next(NUMBERS)}", "public_key", None, "ES256", f"kid{chosen}", jwk, None)

    @property
    def state(self) -> State:
        return self.run(self._loaded()).state

    async def _loaded(self) -> Loaded[State]:
        async with self.office.database.connection() as rows:
            return await ClientRows().state(rows, self.office.tenant, self.client_id)

    @initialize(properties=PROPERTIES, keys=st.lists(CHOSEN, max_size=2))
    def registers(self, properties: dict[str, Any], keys: list[int]) -> None:
        method = {"token_endpoint_auth_method": None} if keys else {}
        command = RegisterClient(
            self.office.tenant, self.client_id, properties | method, self.secret(), tuple(map(self.key, set(keys)))
        )
        self.run(self.office.store.execute(command, Context()))

    @rule(properties=PROPERTIES)
    def registers_again(self, properties: dict[str, Any]) -> None:
        self.does(RegisterClient(self.office.tenant, self.client_id, properties, self.secret()))

    @rule(properties=PROPERTIES)
    def changes(self, properties: dict[str, Any]) -> None:
        self.does(ChangeClient(self.office.tenant, self.client_id, properties))

    @rule(new=st.lists(CHOSEN, max_size=3), stay=st.integers(min_value=0, max_value=2), forged=st.booleans())
    def changes_keys(self, new: list[int], stay: int, forged: bool) -> None:  # noqa: FBT001
        state = self.state
        known = list(state.credentials)[:stay] if isinstance(state, Client) else []
        wanted: tuple[NewCredential | str, ...] = (
            *known,
            *(["cred_of_another"] if forged else []),
            *map(self.key, new),
        )
        self.does(ChangeClient(self.office.tenant, self.client_id, {"token_endpoint_auth_method": None}, wanted))

    @rule(new=CHOSEN)
    def adds_a_key(self, new: int) -> None:
        self.does(AddClientCredential(self.office.tenant, self.client_id, self.key(new)))

    @rule(end=st.sampled_from([None, "2001-01-01T00:00:00+00:00", "2100-01-01T00:00:00+00:00"]), last=st.booleans())
    def ends_a_key(self, end: str | None, last: bool) -> None:  # noqa: FBT001
        self.does(ChangeClientCredential(self.office.tenant, self.client_id, self.some_key(last=last), end))

    @rule(last=st.booleans())
    def deletes_a_key(self, last: bool) -> None:  # noqa: FBT001
        self.does(DeleteClientCredential(self.office.tenant, self.client_id, self.some_key(last=last)))

    @rule(lifetime=st.sampled_from([None, timedelta(0), timedelta(seconds=60), timedelta(days=999)]))
    def rotates(self, lifetime: timedelta | None) -> None:
        self.does(RotateClientSecret(self.office.tenant, self.client_id, self.secret(), lifetime))

    @rule(audience=st.sampled_from([*AUDIENCES, "https://nothing.example/"]), scope=SCOPES)
    def grants(self, audience: str, scope: tuple[str, ...]) -> None:
        grant_id = f"cgr_{next(NUMBERS)}"
        self.does(GrantClient(self.office.tenant, self.client_id, grant_id, audience, scope, {"x": None}))

    @rule(scope=st.none() | SCOPES, usage=st.sampled_from([None, "deny"]), forged=st.booleans())
    def changes_a_grant(self, scope: tuple[str, ...] | None, usage: str | None, forged: bool) -> None:  # noqa: FBT001
        grant_id = "cgr_of_another" if forged else self.first_grant()
        properties = {"organization_usage": usage}
        self.does(ChangeClientGrant(self.office.tenant, self.client_id, grant_id, scope, properties))

    @rule(forged=st.booleans())
    def deletes_a_grant(self, forged: bool) -> None:  # noqa: FBT001
        grant_id = "cgr_of_another" if forged else self.first_grant()
        self.does(DeleteClientGrant(self.office.tenant, self.client_id, grant_id))

    @rule(is_meant=st.sampled_from([False] * 7 + [True]))
    def deletes(self, is_meant: bool) -> None:  # noqa: FBT001
        if is_meant:
            self.does(DeleteClient(self.office.tenant, self.client_id))

    def some_key(self, *, last: bool) -> str:
        state = self.state
        known = list(state.credentials) if isinstance(state, Client) else []
        return known[-1 if last else 0] if known else "none"

    def first_grant(self) -> str:
        state = self.state
        return next(iter(state.grants), "none") if isinstance(state, Client) else "none"

    @invariant()
    def fold_is_row(self) -> None:
        loaded, facts = self.run(self._loaded()), self.run(self._facts())
        nothing: State = NoClient()
        assert reduce(client.evolve, facts, nothing) == loaded.state
        assert len(facts) == loaded.version

    @invariant()
    def every_living_secret_has_its_hash_and_no_ended_one_comes_back(self) -> None:
        state, kept = self.state, self.run(self._hashes())
        living = set(state.secrets) if isinstance(state, Client) else set()
        assert kept == {each: self.hashes[each] for each in living}
        assert not living & self.ended
        self.ended |= set(self.hashes) - living
        assert len(living) <= client.MOST_SECRETS

    @invariant()
    def who_proves_nothing_has_nothing_to_prove_with(self) -> None:
        state = self.state
        if isinstance(state, Client) and client_properties.is_public(state.properties):
            assert not state.secrets
            assert not counting(state.credentials)
            assert "client_credentials" not in state.properties["grant_types"]

    async def _facts(self) -> list[Event]:
        async with self.office.database.connection() as rows:
            found = await rows.fetch(
                "SELECT type, data FROM facts WHERE tenant = $1 AND stream = $2 ORDER BY version",
                self.office.tenant,
                f"client-{self.client_id}",
            )
        facts = [CATALOGUE.decode(row["type"], row["data"]) for row in found]
        return [fact for fact in facts if fact is not None]

    async def _hashes(self) -> dict[str, bytes]:
        async with self.office.database.connection() as rows:
            found = await rows.fetch(
                "SELECT secret_id, sha256 FROM client_secrets WHERE tenant = $1 AND client_id = $2",
                self.office.tenant,
                self.client_id,
            )
        return {row["secret_id"]: row["sha256"] for row in found}


async def test_whatever_happens_to_a_client_its_rows_are_what_its_facts_say(office: Office) -> None:
    for audience in AUDIENCES:
        await office.api(audience)
    ClientLife.office, ClientLife.loop = office, asyncio.get_running_loop()
    few = settings(
        max_examples=20,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, ClientLife, settings=few)
