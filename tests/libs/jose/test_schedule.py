from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.jose import (
    MAX_TOKEN_LIFETIME,
    SIGNING_GRACE,
    SKEW,
    KeyNotHeld,
    NoKeyDue,
    ScheduledKey,
    Standing,
    current,
    next_active_from,
    published,
    retired_at,
    signing_key,
    standing,
)

START = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
MAX_AGE = timedelta(minutes=10)
TICK = timedelta(microseconds=1)


def key(kid: str, day: float, alg: str = "RS256", *, is_revoked: bool = False) -> ScheduledKey:
    return ScheduledKey(kid, alg, START + day * DAY, {"kid": kid}, is_revoked)


A, B, C = key("a", 0), key("b", 90), key("c", 180)
LINE = (C, A, B)


def place(one: ScheduledKey, keys: tuple[ScheduledKey, ...], now: datetime) -> Standing:
    return standing(one, keys, now, max_age=MAX_AGE)


def test_a_key_is_next_then_current_then_previous_then_retired() -> None:
    leaves = C.active_from + SIGNING_GRACE + MAX_TOKEN_LIFETIME + SKEW + MAX_AGE
    assert place(B, LINE, B.active_from - TICK) is Standing.NEXT
    assert place(B, LINE, B.active_from) is Standing.CURRENT
    assert place(B, LINE, C.active_from - TICK) is Standing.CURRENT
    assert place(B, LINE, C.active_from) is Standing.PREVIOUS
    assert place(B, LINE, leaves - TICK) is Standing.PREVIOUS
    assert place(B, LINE, leaves) is Standing.RETIRED


def test_a_key_without_successor_stays_current() -> None:
    assert place(C, LINE, C.active_from + 10_000 * DAY) is Standing.CURRENT
    assert retired_at(C, LINE) is None
    assert retired_at(A, LINE) == B.active_from


def test_before_the_first_key_is_due_nothing_is_current() -> None:
    assert current(LINE, "RS256", START - TICK) is None
    assert {place(one, LINE, START - TICK) for one in LINE} == {Standing.NEXT}


def test_algorithms_do_not_see_each_other() -> None:
    other = key("e", 45, "ES256")
    keys = (*LINE, other)
    assert current(keys, "RS256", START + 50 * DAY) == A
    assert current(keys, "ES256", START + 50 * DAY) == other
    assert retired_at(other, keys) is None


def test_a_revoked_key_leaves_at_once_and_retires_nobody() -> None:
    keys = (A, key("b", 90, is_revoked=True), C)
    now = START + 100 * DAY
    assert current(keys, "RS256", now) == A
    assert place(keys[1], keys, now) is Standing.RETIRED
    assert retired_at(A, keys) == C.active_from
    assert [one.kid for one in published(keys, now, MAX_AGE)] == ["a", "c"]


def test_the_jwks_lists_current_next_previous_and_the_default_algorithm_first() -> None:
    keys = (key("p1", 80), key("p2", 85), *LINE, key("e", 0, "ES256"), key("f", 200, "ES256"))
    shown = [one.kid for one in published(keys, START + 95 * DAY, MAX_AGE)]
    assert shown == ["b", "e", "c", "f", "a", "p1", "p2"]


def test_two_keys_of_one_moment_stand_alike_on_every_replica() -> None:
    twins = (key("x", 1), key("y", 1))
    for keys in (twins, twins[::-1]):
        due = current(keys, "RS256", START + DAY)
        assert due is not None
        assert due.kid == "y"
        assert place(twins[0], keys, START + DAY) is Standing.PREVIOUS


@pytest.mark.security("KY-02")
def test_a_replica_signs_with_the_due_key_and_never_with_the_next() -> None:
    have = {"a", "b", "c"}
    assert signing_key(LINE, "RS256", B.active_from - TICK, have) == A
    assert signing_key(LINE, "RS256", B.active_from, have) == B
    with pytest.raises(NoKeyDue):
        signing_key(LINE, "RS256", START - TICK, have)
    with pytest.raises(NoKeyDue):
        signing_key(LINE, "ES256", START, have)


def test_a_replica_without_the_due_key_uses_the_predecessor_for_a_grace_then_fails_closed() -> None:
    assert signing_key(LINE, "RS256", B.active_from + SIGNING_GRACE - TICK, {"a", "c"}) == A
    for now in (B.active_from + SIGNING_GRACE, START + 170 * DAY):
        with pytest.raises(KeyNotHeld, match=" b is due"):
            signing_key(LINE, "RS256", now, {"a", "c"})
    with pytest.raises(KeyNotHeld):
        signing_key(LINE, "RS256", C.active_from, {"a"})
    with pytest.raises(KeyNotHeld):
        signing_key(LINE, "RS256", START, {"b"})


def test_a_revoked_predecessor_is_no_way_out() -> None:
    keys = (key("a", 0, is_revoked=True), B)
    with pytest.raises(KeyNotHeld):
        signing_key(keys, "RS256", B.active_from, {"a"})


@pytest.mark.security("KY-02")
def test_a_first_key_signs_at_once_and_a_later_one_after_lead_or_cache_whichever_is_longer() -> None:
    assert next_active_from(START, None, max_age=MAX_AGE, lead=DAY) == START
    assert next_active_from(START, START - DAY, max_age=MAX_AGE, lead=DAY) == START + DAY
    assert next_active_from(START, START - DAY, max_age=MAX_AGE, lead=timedelta(0)) == START + MAX_AGE + SKEW
    assert next_active_from(START, START - DAY, max_age=2 * DAY, lead=DAY) == START + 2 * DAY + SKEW


def test_a_key_never_signs_before_its_predecessor() -> None:
    assert next_active_from(START, START + 3 * DAY, max_age=MAX_AGE, lead=DAY) == START + 3 * DAY + TICK


KEYS = st.lists(
    st.builds(
        lambda day, alg, is_revoked: (day, alg, is_revoked),
        st.integers(-200, 200),
        st.sampled_from(["RS256", "ES256"]),
        st.booleans(),
    ),
    max_size=6,
).map(lambda rows: tuple(key(str(n), d, a, is_revoked=r) for n, (d, a, r) in enumerate(rows)))


@pytest.mark.security("KY-05")
@given(keys=KEYS, day=st.integers(-250, 250), data=st.data())
def test_there_is_never_more_than_one_current_key_and_none_only_before_the_first(
    keys: tuple[ScheduledKey, ...], day: int, data: st.DataObject
) -> None:
    now = START + day * DAY
    shuffled = tuple(data.draw(st.permutations(keys)))
    assert published(keys, now, MAX_AGE) == published(shuffled, now, MAX_AGE)
    for alg in ("RS256", "ES256"):
        usable = [one for one in keys if one.alg == alg and not one.is_revoked]
        due = [one for one in usable if place(one, shuffled, now) is Standing.CURRENT]
        assert len(due) == any(one.active_from <= now for one in usable)
        assert due == [one for one in [current(shuffled, alg, now)] if one]


@pytest.mark.security("KY-04")
@given(keys=KEYS, day=st.integers(-250, 250), have=st.sets(st.sampled_from("012345")))
def test_what_signs_is_published_until_its_longest_token_ends(
    keys: tuple[ScheduledKey, ...], day: int, have: set[str]
) -> None:
    now = START + day * DAY + timedelta(minutes=4)
    try:
        signing = signing_key(keys, "RS256", now, have)
    except (KeyNotHeld, NoKeyDue):
        return
    for later in (timedelta(0), MAX_TOKEN_LIFETIME / 2, MAX_TOKEN_LIFETIME + SKEW):
        assert signing in published(keys, now + later, timedelta(seconds=1))


@pytest.mark.security("KY-04")
def test_rotating_every_two_seconds_keeps_the_queue_of_next_keys_short() -> None:
    active_from, waits = START, []
    for step in range(1, 31):
        published_at = START + timedelta(seconds=2 * step)
        active_from = next_active_from(published_at, active_from, max_age=timedelta(seconds=1), lead=timedelta(0))
        waits.append(active_from - published_at)
    assert set(waits) == {timedelta(seconds=1) + SKEW}
