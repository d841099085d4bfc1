"""Codes and refresh tokens against a small model: an honest client, a thief who copies what he sees, and time.

Whatever they do in whatever order: a code gives one set of tokens, a refresh token gives its successor alone, who uses
an old one ends the grant for both, and a grant that has ended never gives anything again.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.token.rules.refresh_token import MOST_RETRIES
from tests.services.token.town import ROTATING, App, Town, grant_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

T = TypeVar("T")

OLD = st.integers(min_value=0, max_value=20)


class TokenLife(RuleBasedStateMachine):
    """One code and what comes of it; the class attributes are the test's."""

    town: Town
    loop: asyncio.AbstractEventLoop
    apps: dict[int, App]
    thief: App

    def __init__(self) -> None:
        super().__init__()
        self.chain: list[str] = []
        """Every refresh token of the grant, by generation: the thief has seen them all."""
        self.tokens: dict[str, Any] = {}
        self.is_alive = False
        self.retries = 0
        self.is_within_leeway = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=10)

    @initialize(leeway=st.sampled_from([0, 60]))
    def somebody_signs_in(self, leeway: int) -> None:
        self.leeway, self.app = leeway, self.apps[leeway]
        self.code = self.run(self.app.code())

    def redeems(self, **changes: Any) -> Any:
        answer = self.run(self.app.redeem(self.code, **changes))
        if answer.status == 200:
            assert not self.tokens, "a code gave two sets of tokens"
            self.tokens, self.chain, self.is_alive = answer.body, [answer.body["refresh_token"]], True
        return answer

    @rule()
    def the_client_redeems(self) -> None:
        was_spent = bool(self.tokens)
        answer = self.redeems()
        assert answer.status == (400 if was_spent else 200)
        if was_spent:
            self.is_alive = False

    @rule(changes=st.sampled_from([{"code_verifier": "w" * 43}, {"redirect_uri": "https://evil.example/"}]))
    def the_thief_redeems_what_he_cannot(self, changes: dict[str, str]) -> None:
        assert self.redeems(**changes).status == 400
        assert self.run(self.thief.redeem(self.code)).status == 400

    @precondition(lambda self: self.chain)
    @rule(age=OLD)
    def somebody_refreshes(self, age: int) -> None:
        """With the newest token most of the time, or with an older one: nobody can tell who it is."""
        presented = max(0, len(self.chain) - 1 - (age if age < len(self.chain) else 0))
        answer = self.run(self.app.refresh(self.chain[presented]))
        expected = self.expected(presented)
        assert answer.status == (200 if expected is not None else 400)
        if expected is None:
            return
        successor = answer.body["refresh_token"]
        assert grant_of(answer.body) == grant_of(self.tokens)
        if expected == len(self.chain):
            assert successor not in self.chain
            self.chain.append(successor)
        assert self.chain[expected] == successor

    def expected(self, presented: int) -> int | None:
        """The generation of the answer's token; `None` for a refusal. The model moves on."""
        newest = len(self.chain) - 1
        if not self.is_alive:
            return None
        if presented == newest:
            self.retries, self.is_within_leeway = 0, self.leeway > 0
            return newest + 1
        if presented == newest - 1 and self.is_within_leeway:
            if self.retries == MOST_RETRIES:
                return None
            self.retries += 1
            return newest
        self.is_alive = False
        return None

    @precondition(lambda self: self.chain)
    @rule()
    def the_thief_uses_it_as_another_application(self) -> None:
        assert self.run(self.thief.refresh(self.chain[-1])).status == 400

    @precondition(lambda self: self.is_alive)
    @rule()
    def the_leeway_passes(self) -> None:
        self.run(self.town.alter(self.tokens, "retry_until = clock_timestamp()"))
        self.is_within_leeway = False

    @precondition(lambda self: self.is_alive)
    @rule()
    def the_client_gives_it_back(self) -> None:
        said = {"token": self.chain[0], **self.app.identity}
        assert self.run(self.town.post("/oauth/revoke", said)).status == 200
        self.is_alive = False

    @precondition(lambda self: self.is_alive)
    @rule(column=st.sampled_from(["idle_expires_at"]))
    def it_idles_too_long(self, column: str) -> None:
        self.run(self.town.alter(self.tokens, f"{column} = clock_timestamp()"))
        self.is_alive = False

    @invariant()
    def the_row_is_where_the_model_is(self) -> None:
        if not self.tokens:
            return
        sql = "SELECT generation FROM grants WHERE grant_id = $1 AND idle_expires_at > clock_timestamp()"
        found = self.run(self.town.rows(sql, grant_of(self.tokens)))
        assert [row["generation"] for row in found] == ([len(self.chain) - 1] if self.is_alive else [])


@pytest.mark.security("FZ-02")
async def test_codes_and_refresh_tokens_keep_to_the_model(town: Town) -> None:
    TokenLife.town, TokenLife.loop = town, asyncio.get_running_loop()
    TokenLife.apps = {each: await town.app("spa", refresh_token=ROTATING | {"leeway": each}) for each in (0, 60)}
    TokenLife.thief = await town.app("spa")
    limits = settings(
        max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    await asyncio.to_thread(run_state_machine_as_test, TokenLife, settings=limits)
