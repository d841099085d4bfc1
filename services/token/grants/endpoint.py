"""The token endpoint: the numbered phases that every grant type goes through (RFC 6749 section 3.2).

1. read the parameters; 2. see who the client says it is; 3. where it stands; 4. whether it is that client; 5. what the
grant type decides; 6. sign; 7. commit the event; 8. answer. No grant type can leave one out or change the order.

What is decided from a kept copy of the rows is committed only if the copy is current, and refused only after the rows
were read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from libs.edge import Call, Reply
from libs.eventstore import BatchWriter, Refused, Written
from libs.jose import Signer
from libs.oauth import (
    OAuthError,
    TooManyRequests,
    UnsupportedGrantType,
    client_authentication,
    parameters,
)
from libs.runtime.errors import Unavailable
from services.token.events import TokenIssued
from services.token.grants import GRANTS, making, people
from services.token.grants.authentication import AssertionReplayed
from services.token.grants.door import Door, Request, context_of, seen
from services.token.grants.grant import Asked, Decision, Grant, Reach, Redemption, Renewal
from services.token.grants.redeeming import Redeem, Renew
from services.token.grants.signing import Draft, IdDraft, Signing
from services.token.grants.standing import Standing, Standings
from services.token.grants.writing import Happened, Issue
from services.token.rules.code import UnknownCode
from services.token.rules.refresh_token import UnknownRefreshToken

ATTEMPTS: Final = 4
"""Times a decision is made again because its rows changed meanwhile."""

KNOWN: Final = frozenset({"grant_type"}).union(
    client_authentication.PARAMETERS, *(grant.parameters for grant in GRANTS.values())
)
"""Every parameter that some grant type or the client's authentication reads."""

LOST: Final[Mapping[str, type[OAuthError]]] = {"spent": UnknownCode, "moved": UnknownRefreshToken}
"""What somebody is told who lost every race for a code or a refresh token, by the statement's word."""


class UnknownGrantType(UnsupportedGrantType):
    """The server does not know this grant type."""


@dataclass(frozen=True)
class Writers:
    """Who commits what: tokens of applications, codes, refresh tokens."""

    issues: BatchWriter[Issue]
    redemptions: BatchWriter[Redeem]
    renewals: BatchWriter[Renew]

    async def write(self, request: Request, decision: Decision, issue: Issue) -> Written | Refused:
        """Commit a token with whatever its decision changes."""
        deadline, personal = request.deadline, decision.personal
        match personal and personal.change:
            case Redemption() as change:
                started = change.started
                context = context_of(request, grant_id=started.grant_id, session_id=started.session_id)
                redeem = Redeem(issue, change, Happened(started, context, request.now))
                return await self.redemptions.write(redeem, keys=redeem.keys(), deadline=deadline)
            case Renewal() as change:
                renew = Renew(issue, change)
                return await self.renewals.write(renew, keys=renew.keys(), deadline=deadline)
            case _:
                return await self.issues.write(issue, keys=issue.keys(), deadline=deadline)


class TokenEndpoint:
    """`POST /oauth/token`."""

    def __init__(self, standings: Standings, signing: Signing, door: Door, writers: Writers, reach: Reach) -> None:
        self._standings = standings
        self._signing = signing
        self._door = door
        self._writers = writers
        self._reach = reach

    async def answer(self, call: Call) -> Reply:
        """Issue a token, or raise the reason why not."""
        request, grant = self._read(call)
        try:
            return await self._granted(request, grant)
        except TooManyRequests:
            raise
        except OAuthError as refusal:
            await people.consequences(self._reach, request.call.tenant, request.client_id, refusal)
            await self._door.refuse(request, refusal)
            raise

    def _read(self, call: Call) -> tuple[Request, Grant]:
        """Phases 1 and 2: no rows are read for what is malformed."""
        raw = call.request
        given = parameters.read(raw.headers, raw.query, raw.body, known=KNOWN)
        grant_type = given.required("grant_type")
        if (grant := GRANTS.get(grant_type)) is None:
            raise UnknownGrantType
        return self._door.request(call, given, grant_type), grant

    async def _granted(self, request: Request, grant: Grant) -> Reply:
        decision = await self._first_decision(request, grant)
        written: Written | Refused | None = None
        for _ in range(ATTEMPTS):
            signer, id_signer = await self._signers(request, decision)
            assert request.standing is not None, "decided before signed"
            claims, typ = making.access_claims(request.standing, decision, request.now)
            draft = Draft(signer, claims, typ)
            draft.id_token = self._id_draft(request, decision, draft, id_signer)
            issue = _issue(request, decision, draft)
            # While the database works on the commit, this process signs: see `BatchWriter.meanwhile`.
            written = await self._writers.write(request, decision, issue)
            if not isinstance(written, Refused):
                return await self._reply(request, decision, draft, written)
            self._require_stale(request, issue, written)
            decision = await self._fresh_decision(request, grant)
        if isinstance(written, Refused) and written.reason in LOST:
            raise LOST[written.reason]
        raise Unavailable("the rows of this client change too quickly")

    async def _first_decision(self, request: Request, grant: Grant) -> Decision:
        kept = self._standings.kept(request.call.tenant, request.client_id)
        if kept is not None:
            try:
                return await self._decide(request, grant, kept)
            except OAuthError:
                pass  # perhaps only the copy says so
        return await self._fresh_decision(request, grant)

    async def _fresh_decision(self, request: Request, grant: Grant) -> Decision:
        return await self._decide(request, grant, await self._standings.read(request.call.tenant, request.client_id))

    async def _decide(self, request: Request, grant: Grant, standing: Standing) -> Decision:
        """Phases 4 and 5."""
        authenticated = request.authenticate(standing)
        return await grant.decide(
            Asked(request.grant_type, request.parameters, standing, authenticated, request.now, self._reach)
        )

    async def _signers(self, request: Request, decision: Decision) -> tuple[Signer, Signer | None]:
        """Whose signatures the answer needs: known before anything is spent for it."""
        tenant, now = request.call.tenant, request.now
        signer = await self._signing.signer(tenant, decision.signing_alg, now)
        if decision.personal is None or decision.personal.id_claims is None:
            return signer, None
        assert request.standing is not None, "decided before signed"
        return signer, await self._signing.signer(tenant, making.id_token_alg(request.standing), now)

    def _id_draft(self, request: Request, decision: Decision, access: Draft, signer: Signer | None) -> IdDraft | None:
        """The ID token that comes with the access token, where one was asked."""
        if signer is None or decision.personal is None or decision.personal.id_claims is None:
            return None
        assert request.standing is not None, "decided before signed"
        return IdDraft(signer, making.id_claims(request.standing, decision.personal.id_claims, request.now), access)

    async def _reply(self, request: Request, decision: Decision, draft: Draft, written: Written) -> Reply:
        """Phase 8."""
        tokens: dict[str, str | None] = {"access_token": await self._signing.signed(draft)}
        if decision.personal is not None:
            tokens["refresh_token"] = self._refresh_token(request, decision, written)
        if draft.id_token is not None:
            tokens["id_token"] = await self._signing.signed(draft.id_token)
        return making.reply(decision, draft.claims, tokens)

    def _refresh_token(self, request: Request, decision: Decision, written: Written) -> str | None:
        """The next refresh token: for a code of an offline grant the first, for a rotating one its successor."""
        match decision.personal and decision.personal.change:
            case Redemption(seed=seed, started=started) if started.is_offline:
                return self._reach.refresh_tokens.token(request.call.tenant, seed, 0)
            case Renewal(seed=seed, rotates=True):
                return self._reach.refresh_tokens.token(request.call.tenant, seed, written.values["generation"])
            case _:
                return None

    def _require_stale(self, request: Request, issue: Issue, written: Refused) -> None:
        """Go on only if rows had changed meanwhile; the other refusals of the statement are final."""
        if written.reason == "replayed":
            raise AssertionReplayed
        if written.reason == "limited":
            self._door.limit(issue.counter, written.values["until"], request.now)


def _issue(request: Request, decision: Decision, draft: Draft) -> Issue:
    assert request.standing is not None and request.authenticated is not None, "decided before issued"  # noqa: PT018
    personal = decision.personal
    context = (
        context_of(request, grant_id=personal.grant_id, session_id=personal.session_id)
        if personal
        else context_of(request)
    )
    return Issue(
        request.standing,
        decision.api,
        request.authenticated.valid_until,
        request.counter,
        request.authenticated.spent,
        Happened(_issued(request, decision, draft), context, request.now),
        draft,
    )


def _issued(request: Request, decision: Decision, draft: Draft) -> TokenIssued:
    """The event: a person is named by the opaque id in it, never by the token's `sub`."""
    assert request.standing is not None and request.authenticated is not None, "decided before issued"  # noqa: PT018
    claims: Mapping[str, Any] = draft.claims
    personal = decision.personal
    return TokenIssued(
        jti=claims["jti"],
        grant_type=request.grant_type,
        client_id=request.client_id,
        client_name=request.standing.name or "",
        audience=decision.api.identifier if decision.api else f"{request.standing.issuer}{making.USERINFO}",
        scope=" ".join(decision.scope),
        sub=personal.person if personal else decision.sub,
        alg=draft.signer.alg,
        kid=draft.signer.kid,
        expires_at=datetime.fromtimestamp(claims["exp"], tz=request.now.tzinfo),
        authentication=request.authenticated.method,
        grant_id=personal.grant_id if personal else None,
        **seen(request.call),
    )
