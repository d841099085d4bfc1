"""Questions about people: who somebody is, what is said of them, whether what they began still holds."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from libs.postgres import Connection, Database, Record
from libs.sealed import DerivedKey
from services.login.rules.identifiers import hashes, kind_of

COLUMNS: Final = (
    "p.person, p.user_id, p.connection_id, p.connection, p.provider, p.email_verified, p.has_password, p.is_blocked, "
    "p.profile, p.valid_from, p.created_at, p.updated_at, p.last_login, p.last_ip, p.logins_count"
)

ONE: Final = f"SELECT {COLUMNS} FROM people p WHERE tenant = $1 AND person = $2"  # noqa: S608
BY_USER_ID: Final = f"SELECT {COLUMNS} FROM people p WHERE tenant = $1 AND user_id = $2"  # noqa: S608
BY_EMAIL: Final = (
    f'SELECT {COLUMNS} FROM people p WHERE tenant = $1 AND lower(email) COLLATE "C" = lower($2) '  # noqa: S608
    "ORDER BY created_at, person LIMIT 100"
)

CREDENTIALS: Final = """
SELECT p.person, p.is_blocked, p.endings, w.phc FROM person_lookups l
JOIN people p USING (tenant, person) LEFT JOIN passwords w USING (tenant, person)
WHERE l.tenant = $1 AND l.connection_id = $2 AND l.kind = $3 AND l.hash = ANY ($4)
"""

HISTORY: Final = """
SELECT phc FROM (
    SELECT phc, 'infinity'::timestamptz AS ended_at FROM passwords WHERE tenant = $1 AND person = $2
    UNION ALL SELECT phc, ended_at FROM password_history WHERE tenant = $1 AND person = $2) AS all_of_them
ORDER BY ended_at DESC LIMIT $3
"""


@dataclass(frozen=True)
class Person:
    """Somebody with an account, in plain text; sessions and grants from before `valid_from` are over."""

    person: str
    user_id: str = field(repr=False)
    connection_id: str
    connection: str
    provider: str
    email_verified: bool
    has_password: bool
    is_blocked: bool
    profile: dict[str, Any] = field(repr=False)
    valid_from: datetime
    created_at: datetime
    updated_at: datetime
    last_login: datetime | None = None
    last_ip: str | None = field(default=None, repr=False)
    logins_count: int = 0

    @property
    def email(self) -> str | None:
        """The address, as it was given."""
        return self.profile.get("email")

    @property
    def name(self) -> str:
        """What people are called on pages and in lists."""
        said = self.profile
        return str(said.get("name") or said.get("email") or said.get("username") or self.user_id)

    @property
    def nickname(self) -> str:
        """As in Auth0: what stands before the @."""
        said = self.profile
        return str(said.get("nickname") or said.get("username") or (said.get("email") or self.name).partition("@")[0])

    @property
    def picture(self) -> str:
        """As in Auth0: of a third party, so it is in claims and answers alone, and no page of ours loads it."""
        if self.profile.get("picture"):
            return str(self.profile["picture"])
        # Gravatar's own form of an address.
        digest = sha256((self.email or self.user_id).strip().lower().encode()).hexdigest()
        return f"https://s.gravatar.com/avatar/{digest}?s=480&r=pg"


@dataclass(frozen=True)
class Credentials:
    """What somebody who says a name is compared with."""

    person: str
    is_blocked: bool
    endings: int
    phc: str | None = field(repr=False)


def person_of(row: Record | Mapping[str, Any]) -> Person:
    """The person of a row."""
    said = dict(row)
    return Person(**(said | {"profile": msgspec.json.decode(said["profile"])}))


async def person(database: Database, tenant: str, person: str) -> Person | None:
    """Somebody by the opaque id."""
    async with database.connection() as rows:
        return await _one(rows, ONE, tenant, person)


async def by_user_id(database: Database, tenant: str, user_id: str) -> Person | None:
    """Somebody by Auth0's id."""
    async with database.connection() as rows:
        return await _one(rows, BY_USER_ID, tenant, user_id)


async def by_email(database: Database, tenant: str, email: str) -> list[Person]:
    """Everybody with this address, whatever its case, in whichever connection."""
    async with database.connection() as rows:
        return [person_of(row) for row in await rows.fetch(BY_EMAIL, tenant, email)]


async def credentials(
    database: Database, keys: Collection[DerivedKey], tenant: str, connection_id: str, identifier: str
) -> Credentials | None:
    """Whom a name means in a connection; one statement, whoever it is."""
    kind = kind_of(identifier)
    digests = hashes(keys, tenant, connection_id, kind, identifier)
    async with database.connection() as rows:
        row = await rows.fetchrow(CREDENTIALS, tenant, connection_id, kind, digests)
    return None if row is None else Credentials(row["person"], row["is_blocked"], row["endings"], row["phc"])


async def earlier_passwords(database: Database, tenant: str, person: str, most: int) -> list[str]:
    """The hashes of somebody's password and of those before it."""
    async with database.connection() as rows:
        return [row["phc"] for row in await rows.fetch(HISTORY, tenant, person, most)]


async def _one(rows: Connection, statement: str, tenant: str, key: str) -> Person | None:
    row = await rows.fetchrow(statement, tenant, key)
    return None if row is None else person_of(row)


# What a token says of somebody (OpenID Connect Core sections 5.1, 5.4 and 5.5).

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": (
        *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
        *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
"""Which claims a scope asks for."""

CLAIMS: Final = frozenset(name for names in SCOPES.values() for name in names)


def claims(
    person: Person,
    scope: Collection[str],
    requested: Mapping[str, Any] | None = None,
    *,
    place: Literal["id_token", "userinfo"],
) -> dict[str, Any]:
    """What may be said of somebody in a place: what scopes ask for, and the `claims` parameter for this place.

    Metadata are never claims. A claim of which nothing is known is left out (section 5.3.2). `sub` is not among them.
    """
    wanted = {name for each in scope for name in SCOPES.get(each, ())}
    asked = (requested or {}).get(place)
    if isinstance(asked, Mapping):
        wanted |= CLAIMS & asked.keys()
    known = _known(person)
    return {name: known[name] for name in sorted(wanted) if known.get(name) is not None}


def _known(person: Person) -> dict[str, Any]:
    said = {name: value for name, value in person.profile.items() if name in CLAIMS}
    email = {"email": person.email, "email_verified": person.email_verified} if person.email else {}
    ours = {"name": person.name, "nickname": person.nickname, "picture": person.picture}
    return {
        **said,
        **email,
        **ours,
        "preferred_username": person.profile.get("preferred_username") or person.profile.get("username"),
        "phone_number_verified": person.profile.get("phone_verified"),
        # Auth0 writes a text here; OpenID Connect Core section 5.1 wants seconds.
        "updated_at": int(person.updated_at.timestamp()),
    }
