"""The chain of a grant's refresh tokens: which one is the newest, how long a retry is forgiven, when it all ends.

The rows are changed by one conditional statement (`grants.renewing`), which decides as `successor` does: here stand the
reasons. Only the newest token is good, and, for the leeway after it was used, the one before (RFC 9700 section 4.14).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from libs.oauth import InvalidGrant, InvalidScope
from services.token.rules.grant import EndsGrant

MOST_RETRIES: Final = 3
"""How often a token that was used gets the same successor again within the leeway."""


class UnknownRefreshToken(InvalidGrant):
    """There is no such token, it is forged, another client's, or its grant has ended."""

    description = "Unknown or invalid refresh token."


class RefreshTokenReused(EndsGrant, UnknownRefreshToken):
    """A token that had a successor was used again: one of the two who hold it is a thief."""

    description = "Unknown or invalid refresh token."
    why = "refresh_token_reused"


class RetriedTooOften(UnknownRefreshToken):
    """A token was retried within the leeway more often than a flaky network explains; nothing is given, nobody ends."""

    description = "Unknown or invalid refresh token."


class RefreshTokenAhead(UnknownRefreshToken):
    """A genuine token is newer than its row: the database went back, and the client is no thief."""

    description = "Unknown or invalid refresh token."

    def __init__(self, grant_id: str, presented: int, newest: int) -> None:
        super().__init__()
        self.grant_id, self.presented, self.newest = grant_id, presented, newest


class BeyondTheGrantedScope(InvalidScope):
    """A refresh may ask for less than was granted, never for more (RFC 6749 section 6)."""

    description = "The scope is beyond what was granted."


class RefreshRules(msgspec.Struct, frozen=True):
    """How an application's refresh tokens live: its property `refresh_token`."""

    rotation_type: str = "non-rotating"
    expiration_type: str = "non-expiring"
    leeway: int = 0
    token_lifetime: int = 2_592_000
    idle_token_lifetime: int = 1_296_000
    infinite_token_lifetime: bool = True
    infinite_idle_token_lifetime: bool = True

    @property
    def rotates(self) -> bool:
        """Whether each use gives a new token."""
        return self.rotation_type == "rotating"

    def ends_at(self, begun_at: datetime) -> datetime | None:
        """When a grant that begins now ends, however often it is used."""
        if self.expiration_type != "expiring" or self.infinite_token_lifetime:
            return None
        return begun_at + timedelta(seconds=self.token_lifetime)

    def idles_until(self, used_at: datetime) -> datetime | None:
        """When a grant that is used now ends unless it is used again."""
        if self.infinite_idle_token_lifetime:
            return None
        return used_at + timedelta(seconds=self.idle_token_lifetime)


class Chain(NamedTuple):
    """How far a chain has come: its newest token, and how often and until when the one before may be retried."""

    grant_id: str
    generation: int = 0
    retries: int = 0
    retry_until: datetime | None = None


def successor(presented: int, chain: Chain, rules: RefreshRules, now: datetime) -> Chain:
    """The chain after the genuine token of generation `presented` was used; its newest token is the answer's.

    Raises:
        RefreshTokenReused: the grant must end.
        RefreshTokenAhead, RetriedTooOften: nothing changes.
    """
    if presented > chain.generation:
        raise RefreshTokenAhead(chain.grant_id, presented, chain.generation)
    if presented == chain.generation:
        if not rules.rotates:
            return chain._replace(retries=0)
        return Chain(chain.grant_id, chain.generation + 1, 0, now + timedelta(seconds=rules.leeway))
    is_previous = rules.rotates and presented == chain.generation - 1
    if not is_previous or chain.retry_until is None or chain.retry_until <= now:
        raise RefreshTokenReused(chain.grant_id)
    if chain.retries >= MOST_RETRIES:
        raise RetriedTooOften
    return chain._replace(retries=chain.retries + 1)


def narrowed(asked: Sequence[str] | None, granted: Sequence[str]) -> tuple[str, ...]:
    """The scope of this answer; without a wish, all that was granted.

    Raises:
        BeyondTheGrantedScope: more than that.
    """
    if asked is None:
        return tuple(granted)
    if not set(asked) <= set(granted):
        raise BeyondTheGrantedScope
    return tuple(each for each in granted if each in set(asked))
