"""Counting wrong passwords, and mails that are asked for: authoritative, by one conditional statement (LG-04, LG-06).

An attempt is counted before its password is compared, so that of a burst no more are compared than the limit says; a
right password takes its count back. Three things are counted, in this order: the account from this address (or from
all, where the tenant says so), the address, the account. What an earlier one refuses the later ones do not hear of, so
that a locked attacker cannot go on to lock the account for everybody else. Of IPv6 the network is the address, because
whoever has one address has all of its /64. The address has no window: its row is the
moment at which all that was tried is its own again, and one more may be tried while that is not too far away.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from libs.edge import network_of
from libs.postgres import Connection, Database
from libs.sealed import DerivedKey
from services.login.rules.protection import LOOSEST, UNCHANGED, Bounds, Protection

HOUR: Final = timedelta(hours=1)

LOGINS: Final = "address"
SIGNUPS: Final = "signups"
"""What one address may try so many of."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is let through whatever a tenant says.

    Attributes:
        per_account: wrong passwords for one account within `window`, from whichever addresses; who signed in from
            an address within `trusted` is not refused there for what others try elsewhere.
        window: in which wrong passwords for an account count together.
        lock: how long an account stays locked.
        mails_to_one: mails to one account within an hour; of warnings as many again.
        mails_from_one: mails that one address asks for within an hour.
    """

    per_account: int = LOOSEST
    window: timedelta = HOUR
    lock: timedelta = timedelta(hours=24)
    trusted: timedelta = timedelta(days=30)
    mails_to_one: int = 5
    mails_from_one: int = 50


_COUNTED: Final = """
    ON CONFLICT (tenant, key) DO UPDATE SET
        failures = CASE WHEN a.until <= clock_timestamp() THEN 1 ELSE a.failures + 1 END,
        until = CASE WHEN a.until <= clock_timestamp() THEN excluded.until ELSE a.until END,
        address = CASE WHEN a.until <= clock_timestamp() THEN NULL ELSE a.address END
    RETURNING failures, until, proven_at
"""

# now() is one moment for the whole statement: what is judged by it and what is written agree. A row further ahead than
# these bounds ever let one come was filled under earlier ones, which hold no longer: it is full, and no more than that.
# The minute is for whoever waited for the row, and has an earlier now() than the one that filled it.
_FILLED: Final = """
    ON CONFLICT (tenant, key) DO UPDATE SET until = greatest(least(a.until, now() + {room}), now()) + {every}
    WHERE a.until <= now() + {room} OR a.until > now() + {room} + {every} + interval '1 minute' RETURNING until
"""

COUNT: Final = f"""
WITH pair AS (
    INSERT INTO attempts AS a (tenant, key, failures, until, person)
    VALUES ($1, $2, 1, clock_timestamp() + $5, $6) {_COUNTED}
), address AS (
    INSERT INTO attempts AS a (tenant, key, failures, until)
    SELECT $1, $3, 1, now() + $8::interval FROM pair WHERE failures <= $7
    {_FILLED.format(every="$8::interval", room="$9::interval")}
), account AS (
    INSERT INTO attempts AS a (tenant, key, failures, until, person)
    SELECT $1, $4, 1, clock_timestamp() + $5, $6 FROM address {_COUNTED}
)
SELECT pair.failures, pair.failures <= $7 AND address.until IS NOT NULL AND (
    account.failures <= $10 OR coalesce(pair.proven_at, '-infinity') >= clock_timestamp() - $11::interval
) AS is_let, pair.failures <= $7 AND address.until IS NULL AS is_throttled,
    coalesce(account.failures = $10 + 1, false) AS is_one_too_many
FROM pair LEFT JOIN address ON true LEFT JOIN account ON true
"""  # noqa: S608

# What was lifted since the attempt was counted, or proven, is not locked any more.
LOCK: Final = """
UPDATE attempts SET until = clock_timestamp() + $3, address = CASE WHEN person IS NULL THEN NULL ELSE $4 END
WHERE tenant = $1 AND key = $2 AND failures >= $5 RETURNING key
"""

PROVE: Final = """
WITH given AS (
    SELECT * FROM unnest($2::bytea[]) WITH ORDINALITY AS given(key, n)
), held AS (
    -- In the order in which they are counted, or two statements might wait for each other.
    SELECT a.key, given.n FROM attempts a JOIN given USING (key) WHERE a.tenant = $1 ORDER BY given.n FOR UPDATE
)
UPDATE attempts a SET
    failures = CASE held.n
        WHEN 1 THEN CASE WHEN a.address IS NOT NULL AND a.until > clock_timestamp() THEN a.failures ELSE 0 END
        WHEN 2 THEN a.failures
        ELSE greatest(a.failures - 1, 0) END,
    until = CASE held.n WHEN 2 THEN a.until - $3::interval ELSE a.until END,
    proven_at = CASE WHEN held.n = 1 AND $4 THEN clock_timestamp() END
FROM held WHERE a.tenant = $1 AND a.key = held.key
"""

ASKED: Final = f"""
WITH to_one AS (
    INSERT INTO attempts AS a (tenant, key, failures, until, person)
    VALUES ($1, $2, 1, clock_timestamp() + interval '1 hour', $4) {_COUNTED}
), from_one AS (
    INSERT INTO attempts AS a (tenant, key, failures, until)
    SELECT $1, $3, 1, clock_timestamp() + interval '1 hour' FROM to_one {_COUNTED}
)
SELECT to_one.failures <= $5 AND from_one.failures <= $6 FROM to_one, from_one
"""  # noqa: S608

WARNED: Final = f"""
INSERT INTO attempts AS a (tenant, key, failures, until, person)
VALUES ($1, $2, 1, clock_timestamp() + interval '1 hour', $3) {_COUNTED}
"""  # noqa: S608

FILL: Final = f"""
INSERT INTO attempts AS a (tenant, key, failures, until) VALUES ($1, $2, 1, now() + $3::interval)
{_FILLED.format(every="$3::interval", room="$4::interval")}
"""  # noqa: S608

TOLD: Final = "SELECT EXISTS (SELECT FROM attempts WHERE tenant = $1 AND key = $2 AND until > now())"

TELL: Final = """
INSERT INTO attempts AS a (tenant, key, failures, until)
SELECT $1, $2, 1, greatest(max(b.until), now() + $4::interval) FROM attempts b WHERE b.tenant = $1 AND b.key = $3
ON CONFLICT (tenant, key) DO UPDATE SET until = excluded.until WHERE a.until <= now() RETURNING key
"""

LIFT: Final = "DELETE FROM attempts WHERE tenant = $1 AND person = $2 AND failures > 0"

LOCKED: Final = """
SELECT address FROM attempts WHERE tenant = $1 AND person = $2 AND address IS NOT NULL AND until > clock_timestamp()
ORDER BY address
"""

FORGET: Final = """
DELETE FROM attempts WHERE (tenant, key) IN (
    SELECT tenant, key FROM attempts WHERE until < clock_timestamp()
        AND coalesce(proven_at, '-infinity') < clock_timestamp() - $1::interval LIMIT 10000)
"""


@dataclass(frozen=True)
class Keys:
    """Under which keys an attempt is counted, and what bounds it."""

    pair: bytes
    address: bytes
    account: bytes
    bounds: Bounds


@dataclass(frozen=True)
class Counted:
    """How often the pair failed, this attempt included; whether it may be made, or the address is what has to wait.

    `is_one_too_many`: it is the first that the account's own bound refuses, whichever addresses the others came from.
    """

    failures: int
    is_let: bool
    is_throttled: bool
    is_one_too_many: bool


class Attempts:
    """The counters; `account` is the person's id, or the hash of an identifier that nobody has."""

    def __init__(
        self,
        database: Database,
        key: DerivedKey,
        limits: Limits,
        protection_of: Callable[[str], Protection] = lambda _: UNCHANGED,
    ) -> None:
        self._database = database
        self._key = key.key
        self.limits = limits
        self._protection_of = protection_of

    def keys(self, tenant: str, account: str, address: str, *, is_guarded: bool = True) -> Keys:
        """The keys of an attempt; whether accounts `is_guarded`, the connection says."""
        bounds = self._protection_of(tenant).bounds(address, is_guarded=is_guarded)
        place = network_of(address)
        pair = ("by account", tenant, account) if bounds.is_by_account else ("pair", tenant, account, place)
        return Keys(
            self._hmac(*pair), self._hmac(LOGINS, tenant, place), self._hmac("account", tenant, account), bounds
        )

    def locks(self, tenant: str) -> bool:
        """Whether the tenant has accounts locked after so many wrong passwords."""
        return self._protection_of(tenant).brute_force.locks

    async def count(self, tenant: str, keys: Keys, person: str | None) -> Counted:
        """Count an attempt and say whether it may be made."""
        limits, bounds = self.limits, keys.bounds
        async with self._database.connection() as rows:
            row = await rows.fetchrow(
                COUNT,
                tenant,
                keys.pair,
                keys.address,
                keys.account,
                limits.window,
                person,
                bounds.per_pair,
                bounds.per_address.every,
                bounds.per_address.room,
                limits.per_account,
                limits.trusted,
            )
        assert row is not None, "the statement answers one row"
        return Counted(row["failures"], row["is_let"], row["is_throttled"], row["is_one_too_many"])

    async def lock(self, rows: Connection, tenant: str, keys: Keys, address: str) -> bool:
        """Let the account be tried from this address, or from none, no more until the lock ends; whether it is so."""
        where = "" if keys.bounds.is_by_account else address
        locked = await rows.fetchval(LOCK, tenant, keys.pair, self.limits.lock, where, keys.bounds.strikes_at)
        return locked is not None

    async def prove(self, tenant: str, keys: Keys) -> None:
        """Take an attempt's counts back: the password was right. A lock that others caused meanwhile stays."""
        counted, bounds = [keys.pair, keys.address, keys.account], keys.bounds
        async with self._database.connection() as rows:
            await rows.execute(PROVE, tenant, counted, bounds.per_address.every, not bounds.is_by_account)

    async def may_mail(self, tenant: str, account: str, address: str, person: str | None) -> bool:
        """Count a mail that is asked for, and say whether it may be sent (RC-09)."""
        to_one = self._hmac("mails to", tenant, account)
        from_one = self._hmac("mails from", tenant, network_of(address))
        limits = self.limits
        async with self._database.connection() as rows:
            found = await rows.fetchval(
                ASKED, tenant, to_one, from_one, person, limits.mails_to_one, limits.mails_from_one
            )
        return bool(found)

    async def may_warn(self, tenant: str, account: str, person: str | None) -> bool:
        """Count a mail that wrong passwords cause, and say whether it may be sent: they are a stranger's, often."""
        async with self._database.connection() as rows:
            row = await rows.fetchrow(WARNED, tenant, self._hmac("warnings to", tenant, account), person)
        assert row is not None, "the statement answers one row"
        return bool(row["failures"] <= self.limits.mails_to_one)

    async def may_sign_up(self, tenant: str, address: str) -> bool:
        """Count a sign-up; whether it may be tried from this address."""
        bucket = self._protection_of(tenant).signups(address)
        key = self._hmac(SIGNUPS, tenant, network_of(address))
        async with self._database.connection() as rows:
            return await rows.fetchval(FILL, tenant, key, bucket.every, bucket.room) is not None

    async def is_told(self, tenant: str, what: str, address: str) -> bool:
        """Whether it was told that an address has to wait with `what`, and that is not over."""
        async with self._database.connection() as rows:
            return bool(await rows.fetchval(TOLD, tenant, self._hmac("told", what, tenant, network_of(address))))

    async def tell(self, rows: Connection, tenant: str, what: str, address: str) -> bool:
        """Note that it is told, until all that may be tried may be again, an hour at least; whether nobody else did."""
        place = network_of(address)
        told, bucket = self._hmac("told", what, tenant, place), self._hmac(what, tenant, place)
        return await rows.fetchval(TELL, tenant, told, bucket, self.limits.window) is not None

    async def locked(self, tenant: str, person: str) -> Sequence[str]:
        """The addresses for which a person's account is locked; an empty one stands for all."""
        async with self._database.connection() as rows:
            found = await rows.fetch(LOCKED, tenant, person)
        return [row["address"] for row in found]

    def _hmac(self, *parts: str) -> bytes:
        return hmac.digest(self._key, msgspec.msgpack.encode(parts), "sha256")
