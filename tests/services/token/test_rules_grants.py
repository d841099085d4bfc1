"""Grants, codes and refresh chains as pure rules: it does, it refuses, it stays quiet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.token.commands import RevokeGrant
from services.token.events import GrantExpired, GrantRevoked, GrantStarted
from services.token.rules import grant
from services.token.rules.people import granted
from services.token.rules.refresh_token import (
    BeyondTheGrantedScope,
    Chain,
    RefreshRules,
    RefreshTokenAhead,
    RefreshTokenReused,
    RetriedTooOften,
    narrowed,
    successor,
)
from tests.spec import Spec

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STARTED = GrantStarted(
    grant_id="g",
    client_id="c",
    person="p",
    session_id="s",
    scope=["openid"],
    audience=None,
    auth_time=NOON,
    acr=None,
    amr=["pwd"],
    is_offline=True,
    started_at=NOON,
    expires_at=None,
)
REVOKED = GrantRevoked(grant_id="g", client_id="c", person="p", reason="why")
GRANTS = Spec[grant.State](grant.evolve, grant.START)
ROTATING = RefreshRules(rotation_type="rotating", leeway=10)


def test_a_living_grant_ends_once() -> None:
    revoke = RevokeGrant("acme", "g", "why")
    GRANTS.given(STARTED).when(grant.revoke, revoke).then(REVOKED)
    GRANTS.when(grant.revoke, revoke).then_nothing()
    GRANTS.given(STARTED, REVOKED).when(grant.revoke, revoke).then_nothing()
    expired = GrantExpired(grant_id="g", client_id="c", person="p")
    GRANTS.given(STARTED, expired, STARTED).when(grant.revoke, revoke).then_nothing()


def test_the_newest_token_moves_the_chain_and_the_one_before_gets_the_same() -> None:
    chain = successor(0, Chain("g"), ROTATING, NOON)
    assert chain == Chain("g", 1, 0, NOON + timedelta(seconds=10))
    for retries in (1, 2, 3):
        chain = successor(0, chain, ROTATING, NOON)
        assert (chain.generation, chain.retries) == (1, retries)
    with pytest.raises(RetriedTooOften):
        successor(0, chain, ROTATING, NOON)
    with pytest.raises(RefreshTokenReused):
        successor(0, chain, ROTATING, NOON + timedelta(seconds=10))
    assert successor(1, chain, ROTATING, NOON) == Chain("g", 2, 0, NOON + timedelta(seconds=10))


@pytest.mark.parametrize("presented", [0, 1, 3])
def test_older_ones_end_the_grant(presented: int) -> None:
    with pytest.raises(RefreshTokenReused) as refusal:
        successor(presented, Chain("g", 4, 0, NOON), ROTATING, NOON)
    assert (refusal.value.grant_id, refusal.value.why) == ("g", "refresh_token_reused")


def test_newer_ones_are_refused_and_say_so() -> None:
    with pytest.raises(RefreshTokenAhead) as refusal:
        successor(5, Chain("g", 4), ROTATING, NOON)
    assert (refusal.value.presented, refusal.value.newest) == (5, 4)


def test_what_does_not_rotate_stays() -> None:
    assert successor(0, Chain("g"), RefreshRules(), NOON) == Chain("g")
    with pytest.raises(RefreshTokenReused):
        successor(0, Chain("g", 1, 0, NOON + timedelta(hours=1)), RefreshRules(), NOON)


def test_lifetimes_are_the_applications() -> None:
    assert RefreshRules().ends_at(NOON) is RefreshRules().idles_until(NOON) is None
    ends = RefreshRules(expiration_type="expiring", infinite_token_lifetime=False, infinite_idle_token_lifetime=False)
    assert ends.ends_at(NOON) == NOON + timedelta(days=30)
    assert ends.idles_until(NOON) == NOON + timedelta(days=15)
    assert RefreshRules(infinite_token_lifetime=False).ends_at(NOON) is None
    assert RefreshRules(expiration_type="expiring").ends_at(NOON) is None


def test_less_scope_is_given_and_more_is_refused() -> None:
    assert narrowed(None, ["a", "b"]) == ("a", "b")
    assert narrowed(["b"], ["a", "b"]) == ("b",)
    with pytest.raises(BeyondTheGrantedScope):
        narrowed(["c"], ["a", "b"])


def test_scopes_that_mean_nothing_are_left_out() -> None:
    asked = ["read:x", "openid", "offline_access", "delete:x", "openid"]
    api: dict[str, Any] = {"defined": ["read:x", "offline_access"], "is_system": False, "is_enforced": False}
    assert granted(asked, **api, may_be_offline=True) == ["read:x", "openid", "offline_access"]
    assert granted(asked, **api, may_be_offline=False) == ["read:x", "openid"]
    assert granted(asked, **api | {"is_enforced": True}, may_be_offline=False) == ["openid"]
    system: dict[str, Any] = {"defined": ["read:users", "read:current_user"], "is_system": True, "is_enforced": False}
    assert granted([*system["defined"]], **system, may_be_offline=False) == ["read:current_user"]
