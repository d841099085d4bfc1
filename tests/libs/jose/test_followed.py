from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.jose import FollowedKeys, SigningKey, UnacceptableKey, new_signing_key, public_key_from_jwk

MAX_AGE = timedelta(minutes=10)
HOUR = timedelta(hours=1)


class KeyPublished(msgspec.Struct, frozen=True):
    kid: str
    alg: str
    jwk: dict[str, Any]
    active_from: datetime


class KeyScheduled(msgspec.Struct, frozen=True):
    kid: str
    active_from: datetime


class KeyRevoked(msgspec.Struct, frozen=True):
    kid: str


class SomethingElse(msgspec.Struct, frozen=True):
    kid: str


@pytest.fixture
def followed() -> FollowedKeys:
    return FollowedKeys(published=KeyPublished, scheduled=KeyScheduled, revoked=KeyRevoked)


@pytest.fixture(scope="session")
def pair() -> tuple[SigningKey, SigningKey]:
    now = datetime.fromisoformat("2026-11-23T12:00:00Z")
    first, second = (new_signing_key("ES256", kid=kid, now=now, issuer_name="a") for kid in ("one", "two"))
    return first, second


Publish = Callable[[int, datetime], KeyPublished]


@pytest.fixture
def publish(pair: tuple[SigningKey, SigningKey]) -> Publish:
    def event(place: int, active_from: datetime) -> KeyPublished:
        key = pair[place]
        return KeyPublished(key.kid, key.alg, key.jwk, active_from)

    return event


def kids(followed: FollowedKeys, now: datetime, tenant: str = "t") -> list[str]:
    return [jwk["kid"] for jwk in followed.jwks(tenant, now, MAX_AGE)["keys"]]


def test_a_published_key_is_shown_and_verifies(
    followed: FollowedKeys, publish: Publish, pair: tuple[SigningKey, SigningKey], now: datetime
) -> None:
    followed.apply("t", publish(0, now))
    followed.apply("t", publish(1, now + HOUR))
    assert followed.jwks("t", now, MAX_AGE) == {"keys": [pair[0].jwk, pair[1].jwk]}
    assert followed.verifying_key("t", "one", now) == public_key_from_jwk(pair[0].jwk)
    assert followed.verifying_key("t", "two", now)
    assert followed.verifying_key("t", "three", now) is None


@pytest.mark.security("JO-14")
def test_a_tenant_does_not_see_the_keys_of_another(followed: FollowedKeys, publish: Publish, now: datetime) -> None:
    followed.apply("t", publish(0, now))
    assert followed.verifying_key("u", "one", now) is None
    assert followed.jwks("u", now, MAX_AGE) == {"keys": []}
    assert followed.keys("u") == ()


def test_a_moved_schedule_is_obeyed(followed: FollowedKeys, publish: Publish, now: datetime) -> None:
    followed.apply("t", publish(0, now))
    followed.apply("t", publish(1, now + HOUR))
    followed.apply("t", KeyScheduled("two", now))
    assert kids(followed, now) == ["two", "one"]


def test_a_revoked_key_is_gone_at_once_and_for_ever(followed: FollowedKeys, publish: Publish, now: datetime) -> None:
    followed.apply("t", publish(0, now))
    followed.apply("t", KeyRevoked("one"))
    for again in (publish(0, now), KeyScheduled("one", now)):
        followed.apply("t", again)
    assert kids(followed, now) == []
    assert followed.verifying_key("t", "one", now) is None
    assert followed.keys("t")[0].is_revoked


def test_a_retired_key_verifies_no_more(followed: FollowedKeys, publish: Publish, now: datetime) -> None:
    followed.apply("t", publish(0, now))
    followed.apply("t", publish(1, now + HOUR))
    later = now + timedelta(days=31)
    assert followed.verifying_key("t", "one", later) is None
    assert kids(followed, later) == ["two"]


def test_an_older_schedule_that_comes_again_is_ignored_when_versions_are_given(
    followed: FollowedKeys, publish: Publish, now: datetime
) -> None:
    followed.apply("t", publish(0, now), version=1)
    followed.apply("t", KeyScheduled("one", now + HOUR), version=2)
    followed.apply("t", KeyScheduled("one", now + 2 * HOUR), version=3)
    followed.apply("t", KeyScheduled("one", now + HOUR), version=2)
    assert followed.keys("t")[0].active_from == now + 2 * HOUR


def test_other_events_and_unknown_keys_change_nothing(followed: FollowedKeys, now: datetime) -> None:
    for event in (SomethingElse("one"), KeyRevoked("one"), KeyScheduled("one", now), None):
        followed.apply("t", event)
    assert followed.keys("t") == ()


@pytest.mark.security("KY-01")
def test_a_jwk_with_private_members_stops_the_follower(followed: FollowedKeys, publish: Publish, now: datetime) -> None:
    event = publish(0, now)
    with pytest.raises(UnacceptableKey):
        followed.apply("t", KeyPublished(event.kid, event.alg, event.jwk | {"d": "AA"}, now))
    assert followed.keys("t") == ()


@pytest.mark.security("KY-01")
def test_the_jwks_has_unique_kids_and_public_members_alone(
    followed: FollowedKeys, signing_keys: dict[str, SigningKey], now: datetime
) -> None:
    for _ in range(2):
        for key in signing_keys.values():
            followed.apply("t", KeyPublished(key.kid, key.alg, key.jwk, now))
    keys = followed.jwks("t", now, MAX_AGE)["keys"]
    assert [jwk["kid"] for jwk in keys] == ["RS256", "PS256", "ES256"]
    assert all(jwk["use"] == "sig" and jwk["alg"] == jwk["kid"] for jwk in keys)
    assert not any({"d", "p", "q", "dp", "dq", "qi", "k"} & jwk.keys() for jwk in keys)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=8))
def test_applying_each_event_twice_changes_nothing(
    publish: Publish, now: datetime, steps: list[tuple[int, int]]
) -> None:
    choices: list[Callable[[int], object]] = [
        lambda hours: publish(0, now + hours * HOUR),
        lambda hours: publish(1, now + hours * HOUR),
        lambda hours: KeyScheduled("one", now + hours * HOUR),
        lambda hours: KeyScheduled("two", now + hours * HOUR),
        lambda hours: KeyRevoked("one" if hours % 2 else "two"),
    ]
    once, twice = (FollowedKeys(published=KeyPublished, scheduled=KeyScheduled, revoked=KeyRevoked) for _ in range(2))
    for kind, hours in steps:
        once.apply("t", choices[kind](hours))
        twice.apply("t", choices[kind](hours))
        twice.apply("t", choices[kind](hours))
    assert once.keys("t") == twice.keys("t")
