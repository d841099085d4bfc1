"""A login as it stands: its transaction, whose steps they are, where it comes from, and where the browser goes next."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qsl

from libs.edge import Call, Reply
from libs.edge.answers import NO_STORE
from libs.edge.wire import VERSION
from libs.eventstore import Actor, Context
from libs.oauth.authorization import AuthorizationRequest
from libs.runtime.ids import uuid7
from services.connections.commands import DATABASE
from services.login.projections.connections import ConnectionRow
from services.login.queries.standing import ClientRow
from services.login.routes.answering import KEEPS_OPENER
from services.login.routes.forms import read_form
from services.login.routes.problems import Forged
from services.login.rows.transactions import TransactionGone

DATABASE_STRATEGY: Final = "auth0"

_ID: Final = re.compile(r"[0-9a-f]{32}")


class TransactionDone(TransactionGone):
    """The application was answered already: somebody came back to an old page."""


class Proof(Protocol):
    """What a factor says once somebody showed who they are."""

    @property
    def person(self) -> str:
        """Who."""

    @property
    def amr(self) -> Sequence[str]:
        """By what (RFC 8176)."""

    @property
    def endings(self) -> int:
        """What had ended sessions of theirs by then."""


class Somebody(Protocol):
    """A person as the flow sees one."""

    @property
    def user_id(self) -> str:
        """The `sub` of tokens."""

    @property
    def name(self) -> str:
        """What they are called on a page."""

    @property
    def is_blocked(self) -> bool:
        """Whether they may not sign in."""

    @property
    def valid_from(self) -> datetime:
        """What began before is dead."""


class People(Protocol):
    """Where the flow asks about people."""

    async def person(self, tenant: str, person: str) -> Somebody | None:
        """Somebody, if they are there."""

    def claims(self, person: Any, asked: AuthorizationRequest, scope: Sequence[str]) -> dict[str, Any]:
        """What an ID token of the front channel says of them."""


@dataclass(frozen=True)
class Transaction:
    """A login under way in this browser."""

    id: str
    tenant: str
    client: ClientRow
    params: AuthorizationRequest
    binding: str
    """The cookie's secret: what a form's CSRF token is bound to."""
    identifier: str | None = None
    person: str | None = None
    session_id: str | None = None
    is_done: bool = False
    is_refused: bool = False
    """Whether the answer that the application has is a refusal."""

    @property
    def audience(self) -> str | None:
        """The API that is asked for: the request's, or the tenant's default."""
        return self.params.audience or self.client.tenant.settings.get("default_audience") or None

    @property
    def connection(self) -> ConnectionRow | None:
        """The database connection in which people sign in to this application."""
        databases = [each for each in self._fitting if each.strategy == DATABASE_STRATEGY]
        # Where an application has several and names none, people are in the one every tenant begins with.
        return min(databases, key=lambda each: each.name != DATABASE, default=None)

    def admits(self, connection_id: str) -> bool:
        """Whether who signed in with this connection, wherever that was, may come to the application.

        Where only the staff's connection is enabled, a customer who is signed in elsewhere is asked who they are; so is
        whoever is not of the connection that the request names. An application without any goes by the session alone.
        """
        return not self.client.connections or any(each.connection_id == connection_id for each in self._fitting)

    @property
    def _fitting(self) -> list[ConnectionRow]:
        return [each for each in self.client.connections if self.params.connection in {None, each.name}]


def state_of(call: Call) -> str:
    """The id of the login to which a page belongs, from its query or its form.

    Raises:
        TransactionGone: there is no such login.
        Forged: it is no form of our pages, which all name it.
    """
    found = _posted(call) if call.request.method == "POST" else _queried(call.request.query)
    if not _ID.fullmatch(found):
        raise TransactionGone
    return found


def _posted(call: Call) -> str:
    state = read_form(call).get("state")
    if state is None:
        raise Forged
    return state


def _queried(query: str) -> str:
    try:
        found = [value for name, value in parse_qsl(query, max_num_fields=100) if name == "state"]
    except ValueError as error:
        raise TransactionGone from error
    return found[0] if len(found) == 1 else ""


def to_page(path: str, tx: Transaction, headers: Sequence[Any] = ()) -> Reply:
    """Send the browser to a page of this login; always by GET (RFC 9700 §4.12)."""
    said = [("location", f"{path}?state={tx.id}"), *NO_STORE, KEEPS_OPENER, *headers]
    return Reply(VERSION, 303, said, b"")


class Surroundings(NamedTuple):
    """Where a request comes from, for the activity log."""

    address: str
    user_agent: str
    host: str


def surroundings(call: Call) -> Surroundings:
    """Address, user agent and host of a request."""
    request = call.request
    return Surroundings(request.client_address, (call.header("user-agent") or "")[:512], request.authority)


def context_of(call: Call, tx: Transaction, person: str, session_id: str | None) -> Context:
    """What a person's step brings to its events."""
    return Context(
        actor=Actor("user", person),
        client_id=tx.client.client_id,
        session_id=session_id,
        request_id=call.request_id,
        trace=call.trace,
        correlation_id=tx.id,
    )


def new_id() -> str:
    """An id for a login of which no row is needed."""
    return uuid7().hex
