"""The rows of people: loaded and locked, saved, forgotten, compared.

Folded are the columns `version` to `endings` of `people`, in which every personal word is sealed as its facts have it:
so `limen verify` compares rows with facts without any key. The plain columns beside them are the same words, opened.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from libs.eventstore import Event, Loaded
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection, Record
from libs.sealed import Keyring, PersonKey, Sealed
from services.login.commands import ChangeUser, RegisterUser, SetPassword, VerifyEmail
from services.login.rows import person_keys
from services.login.rows.errands import put_grants_end
from services.login.rules import person as rules
from services.login.rules.identifiers import CANONICAL, hashes
from services.login.rules.person import USER_ID, Beside, ErasedPerson, NoPerson, Person, State

STREAM: Final = "person-"

NAMES: Final = ("email", "username")
"""Members of a profile by which somebody is found, each once in a connection."""

FOLDED: Final = (
    "version, connection_id, connection, provider, sealed_user_id, sealed, email_verified, has_password, is_blocked, "
    "endings"
)
SELECT: Final = f"SELECT {FOLDED} FROM people WHERE tenant = $1 AND person = $2 FOR NO KEY UPDATE"  # noqa: S608
INSERT: Final = f"""
INSERT INTO people (tenant, person, {FOLDED}, user_id, email, name, profile, valid_from, created_at, updated_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, at, at, at FROM clock_timestamp() AS at
"""  # noqa: S608
UPDATE: Final = """
UPDATE people SET version = $3, email_verified = $4, has_password = $5, is_blocked = $6, endings = $7,
    valid_from = CASE WHEN endings = $7 THEN valid_from ELSE clock_timestamp() END, updated_at = clock_timestamp()
WHERE tenant = $1 AND person = $2
"""
UPDATE_PROFILE: Final = (
    "UPDATE people SET sealed = $3, email = $4, name = $5, profile = $6 WHERE tenant = $1 AND person = $2"
)
TAKEN: Final = """
SELECT DISTINCT l.kind FROM person_lookups l JOIN unnest($3::text[], $4::bytea[]) AS wanted(kind, hash)
    USING (kind, hash)
WHERE l.tenant = $1 AND l.connection_id = $2 AND l.person <> $5
"""
IS_ID_TAKEN: Final = """
SELECT EXISTS (SELECT FROM people WHERE tenant = $1 AND user_id = $2)
    OR EXISTS (SELECT FROM facts WHERE tenant = $1 AND stream = $3)
"""
LOOKUP: Final = (
    "INSERT INTO person_lookups (tenant, connection_id, kind, hash, canonical, person) VALUES ($1, $2, $3, $4, $5, $6)"
)
FORGET_LOOKUP: Final = "DELETE FROM person_lookups WHERE tenant = $1 AND person = $2 AND kind = $3"

REMEMBER: Final = """
INSERT INTO password_history (tenant, person, ended_at, phc)
SELECT tenant, person, clock_timestamp(), phc FROM passwords WHERE tenant = $1 AND person = $2
"""
FORGET_EARLIER: Final = """
DELETE FROM password_history WHERE tenant = $1 AND person = $2 AND ended_at NOT IN (
    SELECT ended_at FROM password_history WHERE tenant = $1 AND person = $2 ORDER BY ended_at DESC LIMIT $3)
"""
SET: Final = """
INSERT INTO passwords (tenant, person, phc, changed_at) VALUES ($1, $2, $3, clock_timestamp())
ON CONFLICT (tenant, person) DO UPDATE SET phc = excluded.phc, changed_at = excluded.changed_at
"""
GOOD_TICKET: Final = """
SELECT true FROM tickets WHERE tenant = $1 AND person = $2 AND kind = $3 AND sha256 = $4
    AND expires_at > clock_timestamp() FOR UPDATE
"""
FORGET_TICKETS: Final = "DELETE FROM tickets WHERE tenant = $1 AND person = $2 AND kind = ANY ($3)"
EVERY_TICKET: Final = ("reset", "verify", "unblock")

NOTE_LOGIN: Final = """
UPDATE people SET last_login = clock_timestamp(), last_ip = {address}, logins_count = logins_count + 1
WHERE tenant = $1 AND person = {person}
"""
"""When and from where somebody last signed in, written by the statement that begins or renews the session."""

NOTE_ANSWER: Final = "INSERT INTO answers_about (tenant, person, key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"

FORGET_ANSWERS: Final = "DELETE FROM answers_about WHERE until < clock_timestamp() - interval '1 hour'"

HELD: Final = (
    "people",
    "person_keys",
    "person_lookups",
    "passwords",
    "password_history",
    "attempts",
    "tickets",
    "jobs",
)
"""Tables whose rows of a person go when the person is forgotten; what is on its way to them is among `errands`."""

FORGET_ANSWERED: Final = """
DELETE FROM answered_requests USING answers_about AS told WHERE told.tenant = $1 AND told.person = $2
    AND answered_requests.tenant = told.tenant AND answered_requests.key = told.key
"""

FORGET_PLACES: Final = """
UPDATE sessions SET initial_address = NULL, initial_user_agent = NULL, last_address = NULL, last_user_agent = NULL,
    metadata = NULL
WHERE tenant = $1 AND person = $2 AND ended IS NULL
"""
"""Of sessions that are not over yet: those that are have none."""

FORGET: Final = (
    FORGET_ANSWERED,
    FORGET_PLACES,
    *(
        f"DELETE FROM {table} WHERE tenant = $1 AND person = $2"  # noqa: S608
        for table in (*HELD, "answers_about", "errands")
    ),
)


class PersonRows:
    """The aggregate `person`. Without a keyring, as the operator's tools have it, it blocks and erases, no more."""

    def __init__(self, keyring: Keyring | None = None) -> None:
        self._keyring = keyring
        self._lookup_keys = keyring.derived("lookup") if keyring else []

    def stream(self, command: Any) -> str:
        """One stream per person."""
        return f"{STREAM}{command.person}"

    def evolve(self, state: State, event: Event) -> State:
        """See `rules.person`."""
        return rules.evolve(state, event)

    async def load(self, rows: Connection, command: Any) -> Loaded[State]:
        """Lock the person's row; look beside it for what the command needs."""
        if isinstance(command, RegisterUser):
            # Also by the person of this id: a form of ours that comes twice names one.
            taken = await self._taken(rows, command, command.connection_id, command.profile, but="")
            taken |= await _is_id_taken(rows, command)
            key = PersonKey(command.tenant, command.person, command.key)
            return Loaded(NoPerson(Beside(key, taken)), 0)
        row = await rows.fetchrow(SELECT, command.tenant, command.person)
        if row is None:
            return Loaded(NoPerson(), 0)
        return Loaded(person_of(row, await self._beside(rows, command, row)), row["version"])

    async def _beside(self, rows: Connection, command: Any, row: Record) -> Beside:
        match command:
            case ChangeUser(profile=profile) if profile:
                key = await person_keys.key_of(rows, self._needed, command.tenant, command.person)
                return Beside(key, await self._taken(rows, command, row["connection_id"], profile, but=command.person))
            case SetPassword(ticket=bytes()):
                return Beside(is_ticket_good=await _is_good(rows, command, "reset"))
            case VerifyEmail():
                return Beside(is_ticket_good=await _is_good(rows, command, "verify"))
            case _:
                return Beside()

    async def _taken(
        self, rows: Connection, command: Any, connection_id: str, profile: Mapping[str, Any], *, but: str
    ) -> frozenset[str]:
        """Which kinds of names of a profile somebody has already, `but` one person."""
        wanted = [
            (kind, each)
            for kind in NAMES
            if profile.get(kind)
            for each in hashes(self._lookup_keys, command.tenant, connection_id, kind, profile[kind])
        ]
        if not wanted:
            return frozenset()
        kinds, digests = zip(*wanted, strict=True)
        found = await rows.fetch(TAKEN, command.tenant, connection_id, kinds, digests, but)
        return frozenset(row["kind"] for row in found)

    async def save(self, rows: Connection, command: Any, before: Loaded[State], after: Loaded[State]) -> None:
        """Write what differs; hashes of passwords come from the command, plain text is opened from the sealed."""
        match after.state:
            case Person() as state if isinstance(command, RegisterUser):
                await self._insert(rows, command, after.version, state)
            case Person() as state:
                assert isinstance(before.state, Person), "an event changes somebody who is there"
                await self._update(rows, command, after.version, before.state, state)
            case ErasedPerson():
                for statement in FORGET:
                    await rows.execute(statement, command.tenant, command.person)
                await put_grants_end(rows, command.tenant, command.person)
            case NoPerson():
                pass

    async def _insert(self, rows: Connection, command: RegisterUser, version: int, state: Person) -> None:
        plain = {name: value for name, value in command.profile.items() if value is not None}
        named = _name(plain, command.user_id)
        await rows.execute(
            INSERT,
            command.tenant,
            command.person,
            version,
            state.connection_id,
            state.connection,
            state.provider,
            state.user_id.ciphertext,
            _sealed_text(state.profile),
            state.email_verified,
            state.has_password,
            state.is_blocked,
            state.endings,
            command.user_id,
            plain.get("email"),
            named,
            _json(plain),
        )
        await person_keys.keep(rows, self._needed, command.tenant, command.person, command.key)
        await self._find_by(rows, command, state, plain, NAMES)
        if command.phc is not None:
            await rows.execute(SET, command.tenant, command.person, command.phc)

    async def _update(self, rows: Connection, command: Any, version: int, was: Person, state: Person) -> None:
        tenant, person = command.tenant, command.person
        await rows.execute(
            UPDATE,
            tenant,
            person,
            version,
            state.email_verified,
            state.has_password,
            state.is_blocked,
            state.endings,
        )
        if state.profile != was.profile:
            await self._update_profile(rows, command, was, state)
        if getattr(command, "phc", None) is not None:
            await _save_password(rows, command)
            await rows.execute(FORGET_TICKETS, tenant, person, ["reset"])
        if isinstance(command, VerifyEmail):
            await rows.execute(FORGET_TICKETS, tenant, person, ["verify"])

    async def _update_profile(self, rows: Connection, command: Any, was: Person, state: Person) -> None:
        tenant, person = command.tenant, command.person
        assert state.beside.key is not None, "whoever changed words has sealed them"
        plain = opened(state.beside.key, state)
        named = _name(plain, state.beside.key.open(USER_ID, state.user_id))
        await rows.execute(
            UPDATE_PROFILE, tenant, person, _sealed_text(state.profile), plain.get("email"), named, _json(plain)
        )
        changed = [kind for kind in NAMES if state.profile.get(kind) != was.profile.get(kind)]
        for kind in changed:
            await rows.execute(FORGET_LOOKUP, tenant, person, kind)
        await self._find_by(rows, command, state, plain, changed)
        if "email" in changed:
            # A link proves the address it was sent to.
            await rows.execute(FORGET_TICKETS, tenant, person, EVERY_TICKET)

    async def _find_by(
        self, rows: Connection, command: Any, state: Person, plain: Mapping[str, Any], kinds: Sequence[str]
    ) -> None:
        for kind in kinds:
            if plain.get(kind):
                current = hashes(self._lookup_keys[:1], command.tenant, state.connection_id, kind, plain[kind])[0]
                await rows.execute(
                    LOOKUP, command.tenant, state.connection_id, kind, current, CANONICAL, command.person
                )

    @property
    def _needed(self) -> Keyring:
        assert self._keyring is not None, "personal data are written by the service alone"
        return self._keyring


async def note_answer(rows: Connection, tenant: str, person: str, key: bytes) -> None:
    """Remember that a kept answer tells of somebody, so that it goes when they do."""
    await rows.execute(NOTE_ANSWER, tenant, person, key)


def opened(key: PersonKey, state: Person) -> dict[str, Any]:
    """The profile in plain text."""
    return {name: key.open(name, sealed) for name, sealed in state.profile.items()}


def person_of(row: Record | Mapping[str, Any], beside: Beside = Beside()) -> Person:  # noqa: B008  # frozen
    """The person of a row."""
    return Person(
        row["connection_id"],
        row["connection"],
        row["provider"],
        Sealed(row["sealed_user_id"]),
        {name: Sealed(text) for name, text in msgspec.json.decode(row["sealed"]).items()},
        row["email_verified"],
        row["has_password"],
        row["is_blocked"],
        row["endings"],
        beside,
    )


async def _is_id_taken(rows: Connection, command: RegisterUser) -> frozenset[str]:
    """Whether the `user_id` is somebody's, or the opaque id was: of who was forgotten there are facts alone."""
    found = await rows.fetchval(IS_ID_TAKEN, command.tenant, command.user_id, f"{STREAM}{command.person}")
    return frozenset({USER_ID}) if found else frozenset()


async def _is_good(rows: Connection, command: SetPassword | VerifyEmail, kind: str) -> bool:
    return bool(await rows.fetchval(GOOD_TICKET, command.tenant, command.person, kind, command.ticket))


async def _save_password(rows: Connection, command: ChangeUser | SetPassword) -> None:
    if command.keeps:
        await rows.execute(REMEMBER, command.tenant, command.person)
    await rows.execute(FORGET_EARLIER, command.tenant, command.person, command.keeps)
    await rows.execute(SET, command.tenant, command.person, command.phc)


def _name(plain: Mapping[str, Any], user_id: str) -> str:
    return str(plain.get("name") or plain.get("email") or plain.get("username") or user_id)


def _sealed_text(profile: Mapping[str, Sealed]) -> str:
    return _json({name: sealed.ciphertext for name, sealed in profile.items()})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _shape(state: State) -> object:
    return state if isinstance(state, Person) else None


async def _stored(rows: Connection, tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    found = await rows.fetch(
        f"SELECT tenant, person, {FOLDED} FROM people JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, person) "  # noqa: S608
        "USING (tenant, person)",
        tenants,
        [stream.removeprefix(STREAM) for stream in streams],
    )
    return {(row["tenant"], STREAM + row["person"]): person_of(row) for row in found}


FOLD: Final[FoldCheck[Any]] = FoldCheck[Any](
    name="person",
    streams=STREAM,
    initial=NoPerson(),
    evolve=rules.evolve,
    shape=_shape,
    read=_stored,
    keys=f"SELECT tenant, '{STREAM}' || person AS stream FROM people",  # noqa: S608
)
"""How `limen verify` compares people with their facts."""
