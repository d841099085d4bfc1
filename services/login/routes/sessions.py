"""`/api/v2/sessions` and what hangs on a user: their sessions, their refresh tokens (which are asked of `token`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from libs.bus import Bus
from libs.edge import Call, Cursors, Reply, Route, answers
from libs.edge.asks import ask
from libs.edge.management_errors import BadRequest, NotFound
from libs.edge.operation import CHECKPOINTS, Listing, Operation, Parameter, line
from libs.edge.paging import PER_PAGE, listing
from libs.edge.schema import Anything, Boolean, Dictionary, Property, Resource, Text
from libs.edge.validation import changed, stated
from libs.edge.writes import context_of
from libs.eventstore import EventStore
from services.login.commands import AnnotateSession
from services.login.queries import sessions
from services.login.queries.sessions import SessionView
from services.login.routes.ending import Ending
from services.login.routes.logins import Somebody
from services.login.rules.session import SessionGone
from services.token.commands import (
    GrantsRevoked,
    RefreshTokensAnswer,
    RefreshTokensOf,
    RefreshTokenView,
    RevokeGrants,
)

ONE: Final = "/api/v2/sessions/{id}"
OF_USER: Final = "/api/v2/users/{user_id}/sessions"
TOKENS: Final = "/api/v2/users/{user_id}/refresh-tokens"
REVOKE: Final = "/api/v2/users/{id}/revoke-access"

REVOKING: Final = ("delete:sessions", "delete:refresh_tokens")

METADATA: Final = "session_metadata"
CHANGED: Final = Resource(
    "session",
    Property(
        METADATA, Dictionary(Text(max_length=255), max_members=25), "Noted of it; replaced as a whole", is_nullable=True
    ),
)

REVOCATION: Final = Resource(
    "revocation",
    Property("session_id", line(64), "This session alone; all of them when absent"),
    Property("preserve_refresh_tokens", Boolean(), "Whether offline grants live on; they end when absent"),
)

READ: Final = Operation(answer=Anything(), errors=(404,))
CHANGE: Final = Operation(body=CHANGED, answer=Anything(), errors=(404,))
ACCEPTED: Final = Operation(status=202, errors=(404,))
REVOCATION_ACCEPTED: Final = Operation(body=REVOCATION, is_body_optional=True, status=202, errors=(404,))
LIST: Final = (Parameter("include_totals", Boolean()), *CHECKPOINTS)


class NoSuchSession(NotFound):
    """There is no session of this id, or none any more."""

    def __init__(self) -> None:
        super().__init__("Session not found.", "inexistent_session")


class NoSuchUser(NotFound):
    """There is no user of this id."""

    def __init__(self) -> None:
        super().__init__("The user does not exist.", "inexistent_user")


class Named(Somebody, Protocol):
    """A person with the opaque id."""

    @property
    def person(self) -> str:
        """The opaque id."""


class Users(Protocol):
    """Where it is asked about users."""

    async def person(self, tenant: str, person: str) -> Somebody | None:
        """Somebody by the opaque id."""

    async def named(self, tenant: str, user_id: str) -> Named | None:
        """Somebody by Auth0's id."""


class Sessions:
    """The handlers."""

    def __init__(self, store: EventStore, bus: Bus, ending: Ending, users: Users, cursors: Cursors) -> None:
        self._store, self._bus, self._ending = store, bus, ending
        self._users, self._cursors = users, cursors

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        of_user, tokens = Operation(query=LIST, answer=_listed("sessions")), _listed("tokens")
        return (
            Route("GET", ONE, self.read, scopes=("read:sessions",), operation=READ),
            Route("PATCH", ONE, self.change, scopes=("update:sessions",), operation=CHANGE),
            Route("DELETE", ONE, self.delete, scopes=("delete:sessions",), operation=ACCEPTED),
            Route("POST", f"{ONE}/revoke", self.revoke, scopes=REVOKING, operation=ACCEPTED),
            Route("POST", REVOKE, self.revoke_access, scopes=REVOKING, operation=REVOCATION_ACCEPTED),
            Route("GET", OF_USER, self.list, scopes=("read:sessions",), operation=of_user),
            Route("DELETE", OF_USER, self.delete_all, scopes=("delete:sessions",), operation=ACCEPTED),
            Route(
                "GET",
                TOKENS,
                self.refresh_tokens,
                scopes=("read:refresh_tokens",),
                operation=Operation(query=LIST, answer=tokens),
            ),
            Route("DELETE", TOKENS, self.delete_refresh_tokens, scopes=("delete:refresh_tokens",), operation=ACCEPTED),
        )

    async def read(self, call: Call) -> Reply:
        """A session that can be used."""
        session = await self._alive(call)
        somebody = await self._users.person(call.tenant, session.person)
        return answers.json(_shown(session, somebody.user_id if somebody else ""))

    async def change(self, call: Call) -> Reply:
        """Note something of a session, in place of what was noted; `null` and `{}` note nothing."""
        body = changed(CHANGED, call)
        if METADATA not in body:
            raise BadRequest("Payload validation error: 'Too few properties defined (0), minimum 1'.")
        said = {name: text for name, text in (body[METADATA] or {}).items() if text is not None}
        try:
            await self._store.execute(AnnotateSession(call.tenant, call.parameters["id"], said), context_of(call))
        except SessionGone as error:
            raise NoSuchSession from error
        return await self.read(call)

    async def delete(self, call: Call) -> Reply:
        """End a session, and what was granted in it (RT-06); 202 also where there was none."""
        session = await sessions.session(self._store.database, call.tenant, call.parameters["id"])
        if session is not None:
            await self._end(call, session, "admin")
        return answers.empty(status=202)

    async def revoke(self, call: Call) -> Reply:
        """The same, for one that is there."""
        session = await sessions.session(self._store.database, call.tenant, call.parameters["id"])
        if session is None:
            raise NoSuchSession
        await self._end(call, session, "revoked")
        return answers.empty(status=202)

    async def _end(self, call: Call, session: SessionView, reason: str) -> None:
        """The session first, so that nothing more is granted in it."""
        await self._ending.end(call.tenant, session, reason, context_of(call))
        await self._revoke(call, session.person, session_id=session.session_id)

    async def list(self, call: Call) -> Reply:
        """A page of a user's sessions."""
        somebody = await self._named(call)
        after, take = self._page(call)
        found = await sessions.sessions_of(self._store.database, call.tenant, somebody.person, after, take + 1)
        items = [_shown(each, somebody.user_id) for each in found[:take]]
        return self._listed(call, "sessions", items, found[take - 1].session_id if len(found) > take else None)

    async def delete_all(self, call: Call) -> Reply:
        """End all of a user's sessions, and what was granted in them."""
        somebody = await self._named(call)
        for session in await self._held_by(call, somebody.person):
            await self._end(call, session, "admin")
        return answers.empty(status=202)

    async def revoke_access(self, call: Call) -> Reply:
        """End one of a user's sessions or all, and what was granted in it, or to the user at all, unless it is kept."""
        body = stated(REVOCATION, call)
        session_id, keeps = body.get("session_id"), body.get("preserve_refresh_tokens") is True
        person = (await self._named(call)).person
        found = [await self._one_of(call, person, session_id)] if session_id else await self._held_by(call, person)
        for session in found:
            await self._ending.end(call.tenant, session, "admin_logout" if keeps else "revoked", context_of(call))
        if not keeps:
            await self._revoke(call, person, session_id=session_id)
        return answers.empty(status=202)

    async def refresh_tokens(self, call: Call) -> Reply:
        """A page of a user's refresh tokens."""
        somebody = await self._named(call)
        after, take = self._page(call)
        asked = RefreshTokensOf(tenant=call.tenant, person=somebody.person, after=after or None, take=take)
        page = await ask(self._bus, "token", "refresh_tokens", asked, RefreshTokensAnswer)
        items = [_token(each, somebody.user_id) for each in page.tokens]
        return self._listed(call, "tokens", items, page.tokens[-1].id if page.has_more else None)

    async def delete_refresh_tokens(self, call: Call) -> Reply:
        """End all of a user's grants."""
        somebody = await self._named(call)
        await self._revoke(call, somebody.person)
        return answers.empty(status=202)

    async def _revoke(self, call: Call, person: str, *, session_id: str | None = None) -> None:
        asked = RevokeGrants(
            tenant=call.tenant, person=person, reason="admin", session_id=session_id, doer=context_of(call)
        )
        await ask(self._bus, "token", "revoke_grants", asked, GrantsRevoked)

    async def _alive(self, call: Call) -> SessionView:
        session = await sessions.session(self._store.database, call.tenant, call.parameters["id"])
        if session is None or not session.is_alive:
            raise NoSuchSession
        return session

    async def _held_by(self, call: Call, person: str) -> Sequence[SessionView]:
        """Those of somebody's sessions that are not over."""
        database = self._store.database
        ids = await sessions.sessions_held_by(database, call.tenant, person)
        found = [await sessions.session(database, call.tenant, each) for each in ids]
        return [each for each in found if each is not None]

    async def _one_of(self, call: Call, person: str, session_id: str) -> SessionView:
        """A session of somebody's, also one that is over: what was granted in it may live on."""
        session = await sessions.session(self._store.database, call.tenant, session_id)
        if session is None or session.person != person:
            raise NoSuchSession
        return session

    async def _named(self, call: Call) -> Named:
        user_id = call.parameters.get("user_id") or call.parameters["id"]
        somebody = await self._users.named(call.tenant, user_id)
        if somebody is None:
            raise NoSuchUser
        return somebody

    def _page(self, call: Call) -> tuple[str, int]:
        query = call.query()
        take, cursor = query.integer("take", minimum=1, maximum=100) or PER_PAGE, query.text("from")
        if cursor is None:
            return "", take
        return self._cursors.opened(call.tenant, listing(call.request.path, query), cursor, now=call.now), take

    def _listed(self, call: Call, key: str, items: Sequence[dict[str, Any]], last: str | None) -> Reply:
        page: dict[str, Any] = {key: items}
        if last is not None:
            place = listing(call.request.path, call.query())
            page["next"] = self._cursors.sealed(call.tenant, place, last, now=call.now)
        return answers.json(page)


def _listed(key: str) -> Listing:
    return Listing(key, Anything(), has_offsets=False)


def _device(session: SessionView) -> dict[str, str]:
    """From where somebody came: personal, and therefore gone when the session is over, or who it is was erased."""
    said = {
        "initial_user_agent": session.initial_user_agent,
        "initial_ip": session.initial_address,
        "last_user_agent": session.last_user_agent,
        "last_ip": session.last_address,
    }
    return {name: value for name, value in said.items() if value}


def _shown(session: SessionView, user_id: str) -> dict[str, Any]:
    """As Auth0 shows one."""
    return {
        "id": session.session_id,
        "user_id": user_id,
        "created_at": _time(session.created_at),
        "updated_at": _time(session.updated_at),
        "authenticated_at": _time(session.auth_time),
        "idle_expires_at": _time(session.idle_expires_at),
        "expires_at": _time(session.expires_at),
        "last_interacted_at": _time(session.last_seen_at),
        "device": _device(session),
        "clients": [{"client_id": each} for each in session.clients],
        "authentication": {"methods": [{"name": each, "timestamp": _time(session.auth_time)} for each in session.amr]},
        METADATA: session.metadata,
    }


def _token(token: RefreshTokenView, user_id: str) -> dict[str, Any]:
    scopes = " ".join(token.scope)
    return {
        "id": token.id,
        "user_id": user_id,
        "created_at": _time(token.created_at),
        "idle_expires_at": _time(token.idle_expires_at),
        "expires_at": _time(token.expires_at),
        "last_exchanged_at": _time(token.last_exchanged_at),
        "device": {},
        "client_id": token.client_id,
        "session_id": token.session_id,
        "rotating": token.rotating,
        "resource_servers": [{"audience": token.audience, "scopes": scopes}] if token.audience else [],
        "refresh_token_metadata": token.metadata,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
