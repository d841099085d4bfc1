"""The rules of signing keys: first keys, rotation, revocation, and the promises of the schedule under all of them."""

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libs.eventstore import Event
from libs.jose import SKEW, current
from services.key_rotation.commands import Candidate, EnsureSigningKeys, RevokeSigningKey, RotateSigningKey, Times
from services.key_rotation.events import SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled
from services.key_rotation.rules.signing_keys import (
    MOST_KEYS,
    AlgorithmUnused,
    Key,
    Keys,
    NoSuchKey,
    TooManyKeys,
    ensure,
    evolve,
    revoke,
    rotate,
    rotated,
)
from tests.spec import NOW, Spec

MAX_AGE = timedelta(minutes=10)
TIMES = Times(max_age=MAX_AGE, lead=timedelta(hours=24), rotation=timedelta(days=90))
FLOOR = MAX_AGE + SKEW
DAY = timedelta(days=1)
KEYS = Spec(evolve, Keys())


def fresh(kid: str, alg: str = "RS256") -> Candidate:
    return Candidate(kid=kid, alg=alg, jwk={"kid": kid}, wrapped=b"sealed")


def published(kid: str, active_from: datetime, *, at: datetime = NOW, alg: str = "RS256") -> SigningKeyPublished:
    return SigningKeyPublished(kid=kid, alg=alg, jwk={"kid": kid}, active_from=active_from, published_at=at)


def ensuring(*candidates: Candidate, algs: tuple[str, ...] = ("RS256",)) -> EnsureSigningKeys:
    return EnsureSigningKeys(tenant="t", algs=algs, candidates=candidates, times=TIMES)


def rotating(*candidates: Candidate, alg: str = "RS256") -> RotateSigningKey:
    return RotateSigningKey(tenant="t", alg=alg, candidates=candidates, times=TIMES)


def revoking(kid: str, *candidates: Candidate) -> RevokeSigningKey:
    return RevokeSigningKey(tenant="t", kid=kid, candidates=candidates, times=TIMES)


FIRST = (published("a", NOW), published("b", NOW + 90 * DAY))


def test_the_first_key_signs_at_once_and_the_next_is_announced() -> None:
    KEYS.when(ensure, ensuring(fresh("a"), fresh("b"))).then(*FIRST)


def test_a_complete_line_is_left_alone() -> None:
    KEYS.given(*FIRST).when(ensure, ensuring(fresh("c"))).then_nothing()


def test_each_algorithm_has_a_line_of_its_own() -> None:
    command = ensuring(fresh("c", "ES256"), fresh("d", "ES256"), algs=("RS256", "ES256"))
    KEYS.given(*FIRST).when(ensure, command).then(
        published("c", NOW, alg="ES256"), published("d", NOW + 90 * DAY, alg="ES256")
    )


def test_with_one_candidate_the_current_key_comes_first_and_the_next_round_completes_the_line() -> None:
    KEYS.when(ensure, ensuring(fresh("a"))).then(FIRST[0])
    KEYS.given(FIRST[0]).when(ensure, ensuring(fresh("b"))).then(FIRST[1])


def test_when_the_next_key_becomes_current_another_is_announced() -> None:
    later = NOW + 90 * DAY
    spec = KEYS.given(*FIRST).at(later)
    spec.when(ensure, ensuring(fresh("c"))).then(published("c", later + 90 * DAY, at=later))


def test_a_key_announced_late_still_waits_for_the_lead() -> None:
    late = NOW + 500 * DAY
    KEYS.given(*FIRST).at(late).when(ensure, ensuring(fresh("c"))).then(published("c", late + DAY, at=late))


def test_rotation_lets_a_long_announced_key_sign_at_once() -> None:
    later = NOW + DAY
    KEYS.given(*FIRST).at(later).when(rotate, rotating(fresh("c"), fresh("d"))).then(
        SigningKeyScheduled(kid="b", active_from=later), published("c", later + 90 * DAY, at=later)
    )


@pytest.mark.security("KY-02")
def test_rotation_lets_a_fresh_key_sign_only_when_every_cached_jwks_has_it() -> None:
    soon = NOW + timedelta(seconds=1)
    spec = KEYS.given(*FIRST).at(soon)
    spec.when(rotate, rotating(fresh("c"), fresh("d"))).then(
        SigningKeyScheduled(kid="b", active_from=NOW + FLOOR), published("c", NOW + FLOOR + 90 * DAY, at=soon)
    )


def test_a_rotation_while_one_is_pending_takes_its_turn_behind_it() -> None:
    spec = KEYS.given(*FIRST)
    for number, seconds in enumerate((1, 3, 5)):
        at = NOW + timedelta(seconds=seconds)
        facts = spec.at(at).when(rotate, rotating(fresh(f"n{number}"), fresh(f"m{number}"))).facts
        spec = spec.given(*facts)
    line = spec.state.line("RS256")
    assert [key.kid for key in line] == ["a", "b", "n0", "n1", "n2"]
    for key in line[1:-1]:
        assert key.active_from == key.published_at + FLOOR
    assert rotated(spec.state, "RS256").kid == "n1"


def test_an_algorithm_without_keys_is_not_rotated() -> None:
    KEYS.given(*FIRST).when(rotate, rotating(fresh("c", "ES256"), alg="ES256")).then_refused(AlgorithmUnused)


def test_the_number_of_keys_in_the_jwks_is_bounded() -> None:
    keys = tuple(Key(f"k{n}", "RS256", NOW, NOW + timedelta(seconds=n)) for n in range(MOST_KEYS))
    spec = Spec(evolve, Keys(keys))
    spec.at(NOW + timedelta(seconds=100)).when(rotate, rotating(fresh("x"), fresh("y"))).then_refused(TooManyKeys)
    assert spec.at(NOW + 60 * DAY).when(rotate, rotating(fresh("x"), fresh("y"))).facts


def test_revoking_the_current_key_lets_the_next_sign_at_once() -> None:
    later = NOW + DAY
    KEYS.given(*FIRST).at(later).when(revoke, revoking("a", fresh("c"), fresh("d"))).then(
        SigningKeyRevoked(kid="a"),
        SigningKeyScheduled(kid="b", active_from=later),
        published("c", later + 90 * DAY, at=later),
    )


def test_revoking_the_only_key_makes_two() -> None:
    KEYS.given(FIRST[0]).when(revoke, revoking("a", fresh("c"), fresh("d"))).then(
        SigningKeyRevoked(kid="a"), published("c", NOW), published("d", NOW + 90 * DAY)
    )


def test_revoking_the_next_key_announces_another() -> None:
    KEYS.given(*FIRST).when(revoke, revoking("b", fresh("c"), fresh("d"))).then(
        SigningKeyRevoked(kid="b"), published("c", NOW + 90 * DAY)
    )


def test_revoking_a_previous_key_changes_nothing_else() -> None:
    spec = KEYS.given(*FIRST, published("c", NOW + 180 * DAY)).at(NOW + 91 * DAY)
    spec.when(revoke, revoking("a", fresh("x"), fresh("y"))).then(SigningKeyRevoked(kid="a"))


def test_a_revoked_key_of_an_algorithm_that_is_not_allowed_any_more_is_not_replaced() -> None:
    candidates = (fresh("c"), fresh("d"))
    command = RevokeSigningKey(tenant="t", kid="a", candidates=candidates, times=TIMES, is_wanted=False)
    KEYS.given(*FIRST).when(revoke, command).then(SigningKeyRevoked(kid="a"))


def test_revoking_twice_is_quiet_and_revoking_nobody_is_refused() -> None:
    spec = KEYS.given(*FIRST, SigningKeyRevoked(kid="b"))
    spec.when(revoke, revoking("b", fresh("x"), fresh("y"))).then_nothing()
    spec.when(revoke, revoking("zz", fresh("x"), fresh("y"))).then_refused(NoSuchKey)


class Schedule(RuleBasedStateMachine):
    """An operator who rotates and revokes whenever it pleases, a leader that dies between rounds, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.spec = KEYS
        self.kids = 0
        self.promoted: set[str] = set()
        self.first: set[str] = set()

    def candidates(self, count: int) -> list[Candidate]:
        self.kids += count
        return [fresh(f"k{self.kids - n}") for n in range(count)]

    def run(self, facts: list[Event]) -> None:
        self.spec = self.spec.given(*facts)

    @property
    def line(self) -> list[Key]:
        return self.spec.state.line("RS256")

    @rule(count=st.integers(1, 2))
    def round(self, count: int) -> None:
        is_first = not self.line
        facts = self.spec.at(self.now).when(ensure, ensuring(*self.candidates(count))).facts
        self.run(facts)
        if is_first:
            self.first.add(self.line[0].kid)

    @rule()
    @precondition(lambda self: self.line)
    def rotate(self) -> None:
        before = {key.kid: key.active_from for key in self.line if key.active_from <= self.now}
        outcome = self.spec.at(self.now).when(rotate, rotating(*self.candidates(2)))
        self.run(outcome.facts)
        for kid, active_from in before.items():
            found = self.spec.state.find(kid)
            assert found is not None
            assert found.active_from == active_from, "a key that has begun to sign is never moved"

    @rule(choice=st.integers(0, 5))
    @precondition(lambda self: self.line)
    def revoke(self, choice: int) -> None:
        key = self.line[choice % len(self.line)]
        due = self.due()
        self.run(self.spec.at(self.now).when(revoke, revoking(key.kid, *self.candidates(2))).facts)
        if key.kid == due:
            promoted = self.due()
            assert promoted
            self.promoted.add(promoted)

    @rule(span=st.sampled_from([1, 2, 5, 16, 605, 86_400, 90 * 86_400]))
    def wait(self, span: int) -> None:
        self.now += timedelta(seconds=span)

    def due(self) -> str | None:
        key = current((each.scheduled for each in self.spec.state.keys), "RS256", self.now)
        return key.kid if key else None

    @invariant()
    def there_is_one_current_key(self) -> None:
        assert (self.due() is not None) == bool(self.line)

    @invariant()
    def nobody_signs_with_a_key_that_a_cached_jwks_lacks(self) -> None:
        for key in self.line:
            if key.kid not in self.promoted | self.first:
                assert key.active_from >= key.published_at + FLOOR, key

    @invariant()
    def no_two_keys_begin_at_once(self) -> None:
        begins = [key.active_from for key in self.line]
        assert len(set(begins)) == len(begins)


Schedule.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestSchedule = pytest.mark.security("KY-05")(Schedule.TestCase)
