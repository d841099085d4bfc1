"""A session against a small model: whatever is done to it, it says who is there, or that nobody is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.login.commands import EndSession, Lifetimes, RenewSession, StartSession, Visit, VisitSession
from services.login.events import LoginSucceeded, SessionEnded, SessionRenewed, SessionStarted
from services.login.rules import session as rules
from services.login.rules.session import AnotherPerson, NoSession, Session, SessionGone, SessionTaken, State

LIVES: Final = Lifetimes(timedelta(hours=1), timedelta(hours=2))
VISIT: Final = Visit("app", "App", "db", "192.0.2.1", "browser", "id.example")
PEOPLE: Final = st.sampled_from(["ada", "bob"])


class SessionMachine(RuleBasedStateMachine):
    """An honest person and one who tries what is not theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.state: State = NoSession()
        self.now = datetime(2026, 11, 26, tzinfo=UTC)
        self.person: str | None = None
        self.proved_at: datetime | None = None
        self.is_over = False

    def _take(self, *events: object) -> None:
        for event in events:
            assert isinstance(event, SessionStarted | SessionRenewed | SessionEnded | LoginSucceeded)
            self.state = rules.evolve(self.state, event)

    @rule(seconds=st.integers(1, 1000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(person=PEOPLE)
    def start(self, person: str) -> None:
        command = StartSession("t", "s", person, "con", ("pwd",), None, b"c", LIVES, VISIT, 0)
        if self.person is not None:
            with pytest.raises(SessionTaken):
                rules.start(command, self.state, self.now)
            return
        self._take(*rules.start(command, self.state, self.now))
        self.person, self.proved_at = person, self.now

    @rule(person=PEOPLE)
    def renew(self, person: str) -> None:
        command = RenewSession("t", "s", person, ("pwd",), None, b"d", LIVES, VISIT, 0)
        if self.person is None or self.is_over:
            with pytest.raises(SessionGone):
                rules.renew(command, self.state, self.now)
        elif person != self.person:
            with pytest.raises(AnotherPerson):
                rules.renew(command, self.state, self.now)
        else:
            self._take(*rules.renew(command, self.state, self.now))
            self.proved_at = self.now

    @rule()
    def visit(self) -> None:
        command = VisitSession("t", "s", LIVES, VISIT)
        if self.person is None or self.is_over:
            with pytest.raises(SessionGone):
                rules.visit(command, self.state, self.now)
            return
        (came,) = rules.visit(command, self.state, self.now)
        assert isinstance(came, LoginSucceeded)
        assert (came.person, came.is_silent) == (self.person, True)

    @rule()
    def end(self) -> None:
        events = rules.end(EndSession("t", "s", "logout"), self.state, self.now)
        assert len(events) == (self.person is not None and not self.is_over)
        self._take(*events)
        self.is_over = self.is_over or self.person is not None

    @invariant()
    def it_says_who_is_there(self) -> None:
        if self.person is None:
            assert self.state == NoSession()
            return
        assert isinstance(self.state, Session)
        assert (self.state.person, self.state.auth_time) == (self.person, self.proved_at)
        assert self.state.is_alive(self.now) == (not self.is_over)


def test_a_session_whose_time_has_come_is_gone_and_no_fact_brings_back_one_that_is_over() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    began = Session("s", "ada", "con", now, ("pwd",), None, until=now + timedelta(seconds=1))
    assert began.is_alive(now)
    for state in (replace(began, until=now), replace(began, ended="logout")):
        assert not state.is_alive(now)
        with pytest.raises(SessionGone):
            rules.visit(VisitSession("t", "s", LIVES, VISIT), state, now)
    ended = replace(began, ended="logout")
    renewed = SessionRenewed(
        session_id="s", person="ada", client_id="app", auth_time=now + timedelta(hours=1), amr=["pwd"], acr=None
    )
    for late in (renewed, SessionEnded(session_id="s", person="ada", reason="expired")):
        assert rules.evolve(ended, late) == ended


SessionMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestSessions = SessionMachine.TestCase
