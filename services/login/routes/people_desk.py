"""What the handlers about people work with: the log they write, the rows they read, who ends what somebody began."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from libs.edge import Call, Reply
from libs.edge.idempotency import AnsweredRequests
from libs.edge.management_errors import BadRequest, PayloadTooLarge
from libs.edge.writes import context_of, patience, settled
from libs.eventstore import Also, Applied, Committed, Context, EventStore, EventTooLarge
from libs.eventstore.deciding import HasTenant
from libs.postgres import Connection, Database
from services.login.commands import RegisterUser
from services.login.factors.attempt import Caller
from services.login.queries import places
from services.login.queries.people import Person
from services.login.queries.user_search import Users
from services.login.routes.languages import preferred
from services.login.rows.people import note_answer

ENGLISH: Final = "en"

Ended = Callable[[str, str, str, Context], Awaitable[None]]
"""Ends the sessions of a person (tenant, person, reason, who does it), once what ends them is committed."""


async def nothing_to_end(_tenant: str, _person: str, _reason: str, _context: Context) -> None:
    """Where there are no sessions."""


class NoSuchClient(BadRequest):
    """The application for which a link or a mail is asked does not exist: neither its name nor its pages are known."""

    def __init__(self, client_id: str) -> None:
        super().__init__(f"Payload validation error: 'No such client: {client_id}' on property client_id.")


@dataclass(frozen=True)
class PeopleDesk:
    """One per process."""

    store: EventStore
    applied: Applied
    answered: AnsweredRequests
    users: Users
    ended: Ended = nothing_to_end

    @property
    def database(self) -> Database:
        """Where the rows are."""
        return self.store.database

    async def run(self, command: HasTenant, call: Call, also: Sequence[Also | None] = ()) -> Committed:
        """Run a command in the caller's name; everything of `also` is written in the same transaction.

        Raises:
            PayloadTooLarge: what it says does not fit an event.
            What the rule raises: a refusal; nothing was written.
        """
        wanted = [each for each in also if each is not None]

        async def beside(rows: Connection, state: Any) -> None:
            for each in wanted:
                await each(rows, state)

        try:
            return await self.store.execute(command, context_of(call), also=beside if wanted else None)
        except EventTooLarge as error:
            raise PayloadTooLarge("What is said of one user is too large together.") from error

    async def headers(self, committed: Committed, call: Call) -> list[tuple[str, str]]:
        """Wait until who obeys the write has heard, as long as its asker has patience; who has not is named."""
        return await settled(self.applied, committed, within=patience(call))

    async def once(
        self,
        command: RegisterUser,
        call: Call,
        answer: Callable[[Connection, Any], Awaitable[Reply]],
        also: Also | None,
    ) -> Reply:
        """Run a POST's command; its answer is kept for whoever sends it again, until who it tells of is erased."""
        made: list[Reply] = []

        async def answered(rows: Connection, state: Any) -> Reply:
            made[:] = [await answer(rows, state)]
            return made[0]

        async def ours(rows: Connection, state: Any) -> None:
            await answered(rows, state)
            if key := self.answered.name_of(call):
                await note_answer(rows, command.tenant, command.person, key)

        committed = await self.run(command, call, [self.answered.keeping(call, answered), ours, also])
        return replace(made[0], headers=[*made[0].headers, *await self.headers(committed, call)])

    def keeping(self, call: Call, person: str, reply: Reply) -> Also | None:
        """What keeps an answer for whoever sends the POST again, until who it tells of is erased."""
        key = self.answered.name_of(call)
        if key is None:
            return None

        async def answered(_rows: Connection, _state: Any) -> Reply:
            return reply

        kept = self.answered.keeping(call, answered)

        async def also(rows: Connection, state: Any) -> None:
            assert kept is not None, "there is a key"
            await kept(rows, state)
            await note_answer(rows, call.tenant, person, key)

        return also


async def caller_of(database: Database, call: Call, client_id: str | None) -> Caller:
    """From where a request comes; an application that does not exist has no name here."""
    name = await places.client_name(database, call.tenant, client_id)
    tags = [*preferred(call.header("x-request-language") or ""), *preferred(call.header("accept-language") or "")]
    return Caller(
        address=call.request.client_address,
        user_agent=(call.header("user-agent") or "")[:512],
        host=call.request.authority,
        client_id=client_id if client_id and name is not None else "",
        client_name=name or "",
        locale=next(iter(tags), ENGLISH),
        request_id=call.request_id,
        trace=call.trace,
        actor=context_of(call).actor,
    )


async def asking_for(database: Database, call: Call, client_id: str | None) -> Caller:
    """From where something is asked for an application, if one is named.

    Raises:
        NoSuchClient: there is none of this name.
    """
    caller = await caller_of(database, call, client_id)
    if client_id is not None and caller.client_id != client_id:
        raise NoSuchClient(client_id)
    return caller


def members_of(person: Person) -> dict[str, Any]:
    """A user as the Management API answers one (Auth0's shape)."""
    bare = person.user_id.partition("|")[2] or person.user_id
    identity = {"connection": person.connection, "provider": person.provider, "user_id": bare, "isSocial": False}
    said: dict[str, Any] = {
        **person.profile,
        "user_id": person.user_id,
        "email_verified": person.email_verified,
        "identities": [identity],
        "name": person.name,
        "nickname": person.nickname,
        "picture": person.picture,
        "created_at": told(person.created_at),
        "updated_at": told(person.updated_at),
    }
    if person.is_blocked:
        said["blocked"] = True
    if person.last_login is not None:
        said |= {"last_login": told(person.last_login), "logins_count": person.logins_count}
        said |= {"last_ip": person.last_ip} if person.last_ip else {}
    return said


def told(at: datetime) -> str:
    """A moment as Auth0 writes it, in milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
