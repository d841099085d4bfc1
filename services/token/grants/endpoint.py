"""The token endpoint: the numbered phases that every grant type goes through (RFC 6749 section 3.2).

1. read the parameters; 2. see who the client says it is; 3. where it stands; 4. whether it is that client; 5. what the
grant type decides; 6. sign; 7. commit the event; 8. answer. No grant type can leave one out or change the order.

What is decided from a kept copy of the rows is committed only if the copy is current, and refused only after the rows
were read again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Any, Final

from libs.edge import Call, Reply, answers
from libs.eventstore import Actor, BatchWriter, Context, Refused
from libs.oauth import (
    InvalidClient,
    OAuthError,
    Parameters,
    TooManyRequests,
    UnsupportedGrantType,
    client_authentication,
    parameters,
)
from libs.oauth.client_authentication import ClientAuthentication
from libs.runtime.clock import Clock
from libs.runtime.errors import Unavailable
from libs.runtime.ids import text
from services.token.events import TokenIssued, TokenRefused
from services.token.grants import GRANTS
from services.token.grants.authentication import (
    AssertionReplayed,
    Authenticated,
    authenticate,
    client_id_of,
)
from services.token.grants.grant import Asked, Decision, Grant
from services.token.grants.signing import Draft, Signing
from services.token.grants.standing import Standing, Standings
from services.token.grants.writing import Happened, Issue, Refusal

ATTEMPTS: Final = 4
"""Times a decision is made again because its rows changed meanwhile."""

MOST_LIMITED: Final = 10_000
"""Addresses over their limit that one process remembers, to spare the database."""

KNOWN: Final = frozenset({"grant_type"}).union(
    client_authentication.PARAMETERS, *(grant.parameters for grant in GRANTS.values())
)
"""Every parameter that some grant type or the client's authentication reads."""

HEADERS: Final = (("cache-control", "no-store"), ("pragma", "no-cache"))
SHOWN: Final = 512
"""Characters of a stranger's header that an event keeps."""


class UnknownGrantType(UnsupportedGrantType):
    """The server does not know this grant type."""


@dataclass(slots=True)
class Request:
    """One request on its way through the phases; the later ones know more than the earlier ones."""

    call: Call
    now: datetime
    grant_type: str
    grant: Grant
    parameters: Parameters
    presented: ClientAuthentication
    client_id: str
    counter: bytes
    """Under which the failures of this client from this address are counted."""
    deadline: float
    """By when it must be committed, on the monotonic clock; reckoned once, or each further attempt would begin anew."""
    authenticated: Authenticated | None = None
    standing: Standing | None = None


class TokenEndpoint:
    """`POST /oauth/token`."""

    def __init__(
        self,
        standings: Standings,
        signing: Signing,
        clock: Clock,
        issues: BatchWriter[Issue],
        refusals: BatchWriter[Refusal],
    ) -> None:
        self._standings = standings
        self._signing = signing
        self._clock = clock
        self._issues = issues
        self._refusals = refusals
        self._limited: dict[bytes, datetime] = {}

    async def answer(self, call: Call) -> Reply:
        """Issue a token, or raise the reason why not."""
        request = self._read(call)
        self._require_not_limited(request, request.counter)
        try:
            return await self._granted(request)
        except TooManyRequests:
            raise
        except OAuthError as refusal:
            await self._refuse(request, refusal)
            raise

    def _read(self, call: Call) -> Request:
        """Phases 1 and 2: no rows are read for what is malformed."""
        raw = call.request
        given = parameters.read(raw.headers, raw.query, raw.body, known=KNOWN)
        grant_type = given.required("grant_type")
        if (grant := GRANTS.get(grant_type)) is None:
            raise UnknownGrantType
        presented = client_authentication.read(raw.headers, given)
        client_id = client_id_of(presented)
        deadline = monotonic() + (call.deadline - self._clock.unix())
        counter = _counter(client_id, call)
        return Request(call, call.now, grant_type, grant, given, presented, client_id, counter, deadline)

    async def _granted(self, request: Request) -> Reply:
        decision = await self._first_decision(request)
        for _ in range(ATTEMPTS):
            signer = await self._signing.signer(request.call.tenant, decision.api.properties.signing_alg, request.now)
            claims, typ = _claims(request, decision)
            draft = Draft(signer, claims, typ)
            item = self._issue(request, decision, draft)
            # While the database works on the commit, this process signs: see `BatchWriter.meanwhile`.
            written = await self._issues.write(item, keys=item.keys(), deadline=request.deadline)
            if not isinstance(written, Refused):
                return _reply(await self._signing.signed(draft), claims, decision)
            self._require_stale(request, item, written)
            decision = await self._fresh_decision(request)
        raise Unavailable("the rows of this client change too quickly")

    async def _first_decision(self, request: Request) -> Decision:
        kept = self._standings.kept(request.call.tenant, request.client_id)
        if kept is not None:
            try:
                return self._decide(request, kept)
            except OAuthError:
                pass  # perhaps only the copy says so
        return await self._fresh_decision(request)

    async def _fresh_decision(self, request: Request) -> Decision:
        return self._decide(request, await self._standings.read(request.call.tenant, request.client_id))

    def _decide(self, request: Request, standing: Standing) -> Decision:
        """Phases 4 and 5."""
        request.standing, request.authenticated = standing, None
        request.authenticated = authenticate(request.presented, standing, request.now)
        return request.grant.decide(
            Asked(request.grant_type, request.parameters, standing, request.authenticated, request.now)
        )

    def _issue(self, request: Request, decision: Decision, draft: Draft) -> Issue:
        assert request.standing is not None and request.authenticated is not None, "decided before issued"  # noqa: PT018
        claims, signer = draft.claims, draft.signer
        event = TokenIssued(
            jti=claims["jti"],
            grant_type=request.grant_type,
            client_id=request.client_id,
            client_name=request.standing.name or "",
            audience=decision.api.identifier,
            scope=" ".join(decision.scope),
            sub=decision.sub,
            alg=signer.alg,
            kid=signer.kid,
            expires_at=datetime.fromtimestamp(claims["exp"], tz=request.now.tzinfo),
            authentication=request.authenticated.method,
            **_seen(request.call),
        )
        return Issue(
            request.standing,
            decision.api,
            request.authenticated.valid_until,
            request.counter,
            request.authenticated.spent,
            Happened(event, _context(request), request.now),
            draft,
        )

    def _require_stale(self, request: Request, item: Issue, written: Refused) -> None:
        """Go on only if the copy was stale; the other refusals of the statement are final."""
        if written.reason == "replayed":
            raise AssertionReplayed
        if written.reason == "limited":
            self._limit(request, item.counter, written.values["until"])

    async def _refuse(self, request: Request, refusal: OAuthError) -> None:
        """Commit what a refusal leaves behind: its event, the count against the address, the spent assertion."""
        counter = None
        if isinstance(refusal, InvalidClient):
            known = request.standing is not None and request.standing.client is not None
            counter = _counter(request.client_id if known else "", request.call)
            self._require_not_limited(request, counter)
        spent = request.authenticated.spent if request.authenticated else None
        happened = Happened(_refused(request, refusal), _context(request), request.now)
        item = Refusal(request.call.tenant, counter, spent, happened)
        written = await self._refusals.write(item, keys=item.keys(), deadline=request.deadline)
        if isinstance(written, Refused) and counter is not None:
            self._limit(request, counter, written.values["until"])

    def _require_not_limited(self, request: Request, counter: bytes) -> None:
        until = self._limited.get(counter)
        if until is None:
            return
        if until <= request.now:
            del self._limited[counter]
            return
        raise _limited(until, request.now)

    def _limit(self, request: Request, counter: bytes, until: datetime) -> None:
        if len(self._limited) >= MOST_LIMITED:
            self._limited.pop(next(iter(self._limited)))
        self._limited[counter] = until
        raise _limited(until, request.now)


def _limited(until: datetime, now: datetime) -> TooManyRequests:
    seconds = max(1, round((until - now) / timedelta(seconds=1)))
    return TooManyRequests("Too many failed attempts.", retry_after=seconds)


def _claims(request: Request, decision: Decision) -> tuple[dict[str, Any], str]:
    """The access token's claims and its `typ`: Auth0's profile, or RFC 9068's."""
    assert request.standing is not None, "decided before signed"
    api, issued_at = decision.api.properties, int(request.now.timestamp())
    claims: dict[str, Any] = {
        "iss": request.standing.issuer,
        "sub": decision.sub,
        "aud": decision.api.identifier,
        "iat": issued_at,
        "exp": issued_at + api.token_lifetime,
        "jti": text(22),
    }
    if decision.scope:
        claims["scope"] = " ".join(decision.scope)
    if api.enforce_policies and api.token_dialect.endswith("_authz"):
        claims["permissions"] = list(decision.scope)
    if api.token_dialect.startswith("rfc9068_profile"):
        return {**claims, "client_id": request.client_id}, "at+jwt"
    return {**claims, **decision.claims, "azp": request.client_id}, "JWT"


def _reply(token: str, claims: dict[str, Any], decision: Decision) -> Reply:
    body: dict[str, Any] = {"access_token": token}
    if decision.scope:
        body["scope"] = claims["scope"]
    body |= {"expires_in": claims["exp"] - claims["iat"], "token_type": "Bearer"}
    return answers.json(body, headers=HEADERS)


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
        **_seen(request.call),
    )


def _seen(call: Call) -> dict[str, str]:
    return {
        "address": call.request.client_address,
        "user_agent": (call.header("user-agent") or "")[:SHOWN],
        "host": call.request.authority,
    }


def _context(request: Request) -> Context:
    client_id = request.client_id if request.authenticated else None
    return Context(
        actor=Actor("client", client_id) if client_id else None,
        client_id=client_id,
        request_id=request.call.request_id,
        trace=request.call.trace,
    )


def _counter(client_id: str, call: Call) -> bytes:
    return sha256(f"{client_id}\x00{call.request.client_address}".encode()).digest()
