"""Where applications knock: one request on its way, and what a refusal leaves behind.

A failed authentication counts against the application and the address together; over the limit both wait.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Final

from libs.edge import Call, network_of
from libs.eventstore import Actor, BatchWriter, Context, Refused
from libs.oauth import (
    InvalidClient,
    OAuthError,
    Parameters,
    TooManyRequests,
    client_authentication,
)
from libs.oauth.client_authentication import ClientAuthentication
from libs.runtime.clock import Clock
from services.token.events import TokenRefused
from services.token.grants.authentication import Authenticated, authenticate, client_id_of
from services.token.grants.standing import Standing
from services.token.grants.writing import Happened, Refusal

MOST_LIMITED: Final = 10_000
"""Addresses over their limit that one process remembers, to spare the database."""

HEADERS: Final = (("cache-control", "no-store"), ("pragma", "no-cache"))
SHOWN: Final = 512
"""Characters of a stranger's header that an event keeps."""


@dataclass(slots=True)
class Request:
    """One request on its way through the phases; the later ones know more than the earlier ones."""

    call: Call
    now: datetime
    grant_type: str
    parameters: Parameters
    presented: ClientAuthentication
    client_id: str
    counter: bytes
    """Under which the failures of this client from this address are counted."""
    deadline: float
    """By when it must be committed, on the monotonic clock; reckoned once, or each further attempt would begin anew."""
    authenticated: Authenticated | None = None
    standing: Standing | None = None

    def authenticate(self, standing: Standing) -> Authenticated:
        """Believe the client as the standing has it, or raise the reason why not."""
        self.standing, self.authenticated = standing, None
        self.authenticated = authenticate(self.presented, standing, self.now)
        return self.authenticated


class Door:
    """Who may come in, and who must wait."""

    def __init__(self, clock: Clock, refusals: BatchWriter[Refusal]) -> None:
        self._clock = clock
        self._refusals = refusals
        self._limited: dict[bytes, datetime] = {}

    def request(self, call: Call, given: Parameters, grant_type: str) -> Request:
        """The request of a client that says who it is; nothing is believed yet.

        Raises:
            InvalidRequest, InvalidClient: it says so in no way, or in several.
            TooManyRequests: client and address must wait.
        """
        presented = client_authentication.read(call.request.headers, given)
        client_id = client_id_of(presented)
        counter = counter_of(client_id, call)
        deadline = monotonic() + (call.deadline - self._clock.unix())
        self._require_not_limited(counter, call.now)
        return Request(call, call.now, grant_type, given, presented, client_id, counter, deadline)

    async def refuse(self, request: Request, refusal: OAuthError) -> None:
        """Commit what a refusal leaves behind: its event, the count against the address, the spent assertion."""
        counter = None
        if isinstance(refusal, InvalidClient):
            known = request.standing is not None and request.standing.client is not None
            counter = counter_of(request.client_id if known else "", request.call)
            self._require_not_limited(counter, request.now)
        spent = request.authenticated.spent if request.authenticated else None
        happened = Happened(_refused(request, refusal), context_of(request), request.now)
        item = Refusal(request.call.tenant, counter, spent, happened)
        written = await self._refusals.write(item, keys=item.keys(), deadline=request.deadline)
        if isinstance(written, Refused) and counter is not None:
            self.limit(counter, written.values["until"], request.now)

    def limit(self, counter: bytes, until: datetime, now: datetime) -> None:
        """Let client and address wait, and say so.

        Raises:
            TooManyRequests: always.
        """
        if len(self._limited) >= MOST_LIMITED:
            self._limited.pop(next(iter(self._limited)))
        self._limited[counter] = until
        raise _limited(until, now)

    def _require_not_limited(self, counter: bytes, now: datetime) -> None:
        until = self._limited.get(counter)
        if until is None:
            return
        if until <= now:
            del self._limited[counter]
            return
        raise _limited(until, now)


def _limited(until: datetime, now: datetime) -> TooManyRequests:
    seconds = max(1, round((until - now) / timedelta(seconds=1)))
    return TooManyRequests("Too many failed attempts.", retry_after=seconds)


def _refused(request: Request, refusal: OAuthError) -> TokenRefused:
    given, standing = request.parameters, request.standing
    return TokenRefused(
        grant_type=request.grant_type,
        client_id=request.client_id[:SHOWN],
        client_name=standing.name if standing else None,
        audience=given.get("audience", "")[:SHOWN] or None,
        error=refusal.code,
        error_description=refusal.description,
        reason=refusal.reason,
        **seen(request.call),
    )


def seen(call: Call) -> dict[str, str]:
    """What an event says of where a request came from."""
    return {
        "address": call.request.client_address,
        "user_agent": (call.header("user-agent") or "")[:SHOWN],
        "host": call.request.authority,
    }


def context_of(request: Request, *, grant_id: str | None = None, session_id: str | None = None) -> Context:
    """What a request brings to the events it causes; a client that is not authenticated did nothing."""
    client_id = request.client_id if request.authenticated else None
    return Context(
        actor=Actor("client", client_id) if client_id else None,
        client_id=client_id,
        session_id=session_id,
        grant_id=grant_id,
        request_id=request.call.request_id,
        trace=request.call.trace,
    )


def counter_of(client_id: str, call: Call) -> bytes:
    """Under which failures are counted."""
    return sha256(f"{client_id}\x00{network_of(call.request.client_address)}".encode()).digest()
