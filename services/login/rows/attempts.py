"""Counting wrong passwords, and mails that are asked for: authoritative, by one conditional statement (LG-04, LG-06).

An attempt is counted before its password is compared, so that of a burst no more are compared than the limit says; a
right password takes its count back. Three things are counted, in this order: the account from this address, the
address, the account. What an earlier one refuses the later ones do not hear of, so that a locked attacker cannot go on
to lock the account for everybody else.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from libs.postgres import Connection, Database
from libs.sealed import DerivedKey

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is let through.

    Attributes:
        per_pair: wrong passwords for one account from one address; then the pair is locked for `lock`.
        per_address: wrong passwords from one address within `window`, for whichever accounts.
        per_account: wrong passwords for one account within `window`, from whichever addresses; who signed in from
            an address within `trusted` is not refused there for what others try elsewhere.
        signups: accounts that one address tries to make within `window`.
        mails_to_one: mails to one account within an hour.
        mails_from_one: mails that one address asks for within an hour.
    """

    per_pair: int = 10
    per_address: int = 100
    per_account: int = 100
    window: timedelta = HOUR
    lock: timedelta = timedelta(hours=24)
    trusted: timedelta = timedelta(days=30)
    signups: int = 50
    mails_to_one: int = 5
    mails_from_one: int = 50


_COUNTED: Final = """
    ON CONFLICT (tenant, key) DO UPDATE SET
        failures = CASE WHEN a.until <= clock_timestamp() THEN 1 ELSE a.failures + 1 END,
        until = CASE WHEN a.until <= clock_timestamp() THEN excluded.until ELSE a.until END,
        address = CASE WHEN a.until <= clock_timestamp() THEN NULL ELSE a.address END
    RETURNING failures, until, proven_at
"""

COUNT: Final = f"""
WITH pair AS (
    INSERT INTO attempts AS a (tenant, key, failures, until, person)
    VALUES ($1, $2, 1, clock_timestamp() + $5, $6) {_COUNTED}
), address AS (
    INSERT INTO attempts AS a (tenant, key, failures, until)
    SELECT $1, $3, 1, clock_timestamp() + $5 FROM pair WHERE failures <= $7 {_COUNTED}
), account AS (
    INSERT INTO attempts AS a (tenant, key, failures, until, person)
    SELECT $1, $4, 1, clock_timestamp() + $5, $6 FROM address WHERE failures <= $8 {_COUNTED}
)
SELECT pair.failures, CASE
    WHEN pair.failures > $7 THEN pair.until
    WHEN address.failures > $8 THEN address.until
    WHEN account.failures > $9 AND coalesce(pair.proven_at, '-infinity') < clock_timestamp() - $10::interval
        THEN account.until END AS until
FROM pair LEFT JOIN address ON true LEFT JOIN account ON true
"""  # noqa: S608

LOCK: Final = """
UPDATE attempts SET until = clock_timestamp() + $3, address = CASE WHEN person IS NULL THEN NULL ELSE $4 END
WHERE tenant = $1 AND key = $2
"""

PROVE: Final = """
WITH given AS (
    SELECT * FROM unnest($2::bytea[], $3::boolean[]) WITH ORDINALITY AS given(key, is_pair, n)
), held AS (
    -- In the order in which they are counted, or two statements might wait for each other.
    SELECT a.key, given.is_pair FROM attempts a JOIN given USING (key) WHERE a.tenant = $1 ORDER BY given.n FOR UPDATE
)
UPDATE attempts a SET
    failures = CASE WHEN held.is_pair THEN 0 ELSE greatest(a.failures - 1, 0) END,
    proven_at = CASE WHEN held.is_pair THEN clock_timestamp() END
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

ONE: Final = f"""
INSERT INTO attempts AS a (tenant, key, failures, until) VALUES ($1, $2, 1, clock_timestamp() + $3) {_COUNTED}
"""  # noqa: S608

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
    """Under which keys an attempt is counted."""

    pair: bytes
    address: bytes
    account: bytes


@dataclass(frozen=True)
class Counted:
    """How often the pair failed, this attempt included; `until` is when another may be made, if this one may not."""

    failures: int
    until: datetime | None


class Attempts:
    """The counters; `account` is the person's id, or the hash of an identifier that nobody has."""

    def __init__(self, database: Database, key: DerivedKey, limits: Limits) -> None:
        self._database = database
        self._key = key.key
        self.limits = limits

    def keys(self, tenant: str, account: str, address: str) -> Keys:
        """The keys of an attempt."""
        return Keys(
            self._hmac("pair", tenant, account, address),
            self._hmac("address", tenant, address),
            self._hmac("account", tenant, account),
        )

    async def count(self, tenant: str, keys: Keys, person: str | None) -> Counted:
        """Count an attempt and say whether it may be made."""
        limits = self.limits
        async with self._database.connection() as rows:
            row = await rows.fetchrow(
                COUNT,
                tenant,
                keys.pair,
                keys.address,
                keys.account,
                limits.window,
                person,
                limits.per_pair,
                limits.per_address,
                limits.per_account,
                limits.trusted,
            )
        assert row is not None, "the statement answers one row"
        return Counted(row["failures"], row["until"])

    async def lock(self, rows: Connection, tenant: str, keys: Keys, address: str) -> None:
        """Let the account be tried from this address no more until the lock ends."""
        await rows.execute(LOCK, tenant, keys.pair, self.limits.lock, address)

    async def prove(self, tenant: str, keys: Keys) -> None:
        """Take an attempt's counts back: the password was right."""
        counted = [keys.pair, keys.address, keys.account]
        async with self._database.connection() as rows:
            await rows.execute(PROVE, tenant, counted, [True, False, False])

    async def may_mail(self, tenant: str, account: str, address: str, person: str | None) -> bool:
        """Count a mail that is asked for, and say whether it may be sent (RC-09)."""
        to_one, from_one = self._hmac("mails to", tenant, account), self._hmac("mails from", tenant, address)
        limits = self.limits
        async with self._database.connection() as rows:
            found = await rows.fetchval(
                ASKED, tenant, to_one, from_one, person, limits.mails_to_one, limits.mails_from_one
            )
        return bool(found)

    async def sign_up(self, tenant: str, address: str) -> datetime | None:
        """Count a sign-up; until when no more may be tried from this address, if it is too many."""
        async with self._database.connection() as rows:
            row = await rows.fetchrow(ONE, tenant, self._hmac("signups", tenant, address), self.limits.window)
        assert row is not None, "the statement answers one row"
        return row["until"] if row["failures"] > self.limits.signups else None

    async def lift(self, tenant: str, person: str) -> None:
        """Lift every lock of a person."""
        async with self._database.connection() as rows:
            await rows.execute(LIFT, tenant, person)

    async def locked(self, tenant: str, person: str) -> Sequence[str]:
        """The addresses for which a person's account is locked."""
        async with self._database.connection() as rows:
            found = await rows.fetch(LOCKED, tenant, person)
        return [row["address"] for row in found]

    def _hmac(self, *parts: str) -> bytes:
        return hmac.digest(self._key, msgspec.msgpack.encode(parts), "sha256")
