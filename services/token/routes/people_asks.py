"""What `login` and `connections` ask of `token`: codes, ID tokens, logout tokens, grants, whether applications exist.

None of these handlers asks anybody: a signing key that is not here yet is fetched beside, and the asker comes again.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from libs.eventstore import Actor, Context, EventStore
from libs.oauth import OAuthError
from libs.runtime.clock import Clock
from services.token import queries
from services.token.commands import (
    GrantAnswer,
    GrantOf,
    GrantsRevoked,
    IdTokenIssued,
    IssueCode,
    IssueIdToken,
    LogoutToken,
    LogoutTokenFor,
    NamedSessions,
    NamedSessionsOf,
    RefreshTokensAnswer,
    RefreshTokensOf,
    RefreshTokenView,
    RevokeGrant,
    RevokeGrants,
    UnknownClients,
    UnknownClientsOf,
)
from services.token.grants import making
from services.token.grants.codes import Codes, require_client
from services.token.grants.signing import Signing
from services.token.grants.standing import Standings
from services.token.queries import grants
from services.token.queries.grants import GrantRow

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_LIFETIME: Final = timedelta(minutes=2)
"""How long a logout token is good (OpenID Connect Back-Channel Logout section 2.4)."""

SLOTS: Final = 64
"""Asks of one verb under way at once: each sign-in needs one."""

MOST: Final = 100


class PeopleAsks:
    """The handlers."""

    def __init__(self, store: EventStore, standings: Standings, signing: Signing, codes: Codes, clock: Clock) -> None:
        self._store = store
        self._standings = standings
        self._signing = signing
        self._codes = codes
        self._clock = clock

    async def serve(self, bus: Bus) -> list[Serving]:
        """Answer all of them."""
        verbs: dict[str, tuple[type[msgspec.Struct], Callable[[Any], Awaitable[msgspec.Struct]]]] = {
            "issue_code": (IssueCode, self._codes.issue),
            "issue_id_token": (IssueIdToken, self.id_token),
            "logout_token": (LogoutTokenFor, self.logout_token),
            "grant": (GrantOf, self.grant),
            "revoke_grants": (RevokeGrants, self.revoke_grants),
            "refresh_tokens": (RefreshTokensOf, self.refresh_tokens),
            "named_sessions": (NamedSessionsOf, self.named_sessions),
            "unknown_clients": (UnknownClientsOf, self.unknown_clients),
        }
        return [
            await answer_asks(bus, "token", verb, kind, handler, slots=SLOTS) for verb, (kind, handler) in verbs.items()
        ]

    async def id_token(self, asked: IssueIdToken) -> IdTokenIssued:
        """An ID token for the front channel (OpenID Connect Core section 3.2), or why there is none."""
        standing = await self._standings.read(asked.tenant, asked.client_id)
        try:
            require_client(standing, asked, "implicit")
        except OAuthError as refusal:
            return IdTokenIssued(error=refusal.code, error_description=refusal.description)
        now = self._now()
        signer = self._signing.held(asked.tenant, making.id_token_alg(standing), now)
        claims = making.id_claims(standing, {**asked.claims, **_protocol(asked)}, now)
        return IdTokenIssued(id_token=await self._signing.token(signer, claims, "JWT"))

    async def logout_token(self, asked: LogoutTokenFor) -> LogoutToken:
        """What an application is told when a session ends, and where."""
        standing = await self._standings.read(asked.tenant, asked.client_id)
        if standing.client is None or not (urls := standing.client.backchannel_logout_urls):
            return LogoutToken(token="", urls=[])
        now = self._now()
        signer = self._signing.held(asked.tenant, making.id_token_alg(standing), now)
        issued_at = int(now.timestamp())
        claims: dict[str, Any] = {
            "iss": standing.issuer,
            "sub": asked.sub,
            "aud": asked.client_id,
            "iat": issued_at,
            "exp": issued_at + int(LOGOUT_LIFETIME.total_seconds()),
            "jti": asked.jti,
            "sid": asked.session_id,
            "events": {LOGOUT_EVENT: {}},
        }
        return LogoutToken(token=await self._signing.token(signer, claims, "logout+jwt"), urls=list(urls))

    async def grant(self, asked: GrantOf) -> GrantAnswer:
        """Whether a grant lives: it has not ended, and its application and its API are still there."""
        found = await grants.grant(self._store.database, asked.tenant, asked.grant_id)
        if found is None or not (found.client_is_there and found.api_is_there):
            return GrantAnswer(is_alive=False)
        return GrantAnswer(
            is_alive=True,
            person=found.person,
            client_id=found.client_id,
            session_id=found.session_id,
            scope=list(found.scope),
            requested=found.requested,
            authorized_at=found.auth_time,
        )

    async def revoke_grants(self, asked: RevokeGrants) -> GrantsRevoked:
        """End a person's grants, one by one; a repeat ends what is left."""
        ids = await grants.grants_of(
            self._store.database,
            asked.tenant,
            asked.person,
            client_id=asked.client_id,
            audience=asked.audience,
            session_id=asked.session_id,
        )
        context = asked.doer or Context(actor=Actor("service", "login"))
        ended = [await self._store.execute(RevokeGrant(asked.tenant, each, asked.reason), context) for each in ids]
        return GrantsRevoked(count=sum(bool(each.events) for each in ended))

    async def refresh_tokens(self, asked: RefreshTokensOf) -> RefreshTokensAnswer:
        """A page of a person's refresh tokens."""
        take = max(1, min(asked.take, MOST))
        database = self._store.database
        found = await grants.refresh_tokens(database, asked.tenant, asked.person, None, asked.after, take + 1)
        return RefreshTokensAnswer(tokens=[view(each) for each in found[:take]], has_more=len(found) > take)

    async def named_sessions(self, asked: NamedSessionsOf) -> NamedSessions:
        """The sessions that a grant still names."""
        found = await grants.named_sessions(
            self._store.database, asked.tenant, list(set(asked.persons)), asked.session_ids
        )
        return NamedSessions(session_ids=found)

    async def unknown_clients(self, asked: UnknownClientsOf) -> UnknownClients:
        """The ids of no application."""
        found = await queries.unknown_clients(self._store.database, asked.tenant, asked.client_ids)
        return UnknownClients(client_ids=found)

    def _now(self) -> datetime:
        return self._clock.now()


def view(grant: GrantRow) -> RefreshTokenView:
    """A grant as its refresh token is shown."""
    return RefreshTokenView(
        id=grant.grant_id,
        client_id=grant.client_id,
        session_id=grant.session_id,
        rotating=grant.is_rotating,
        scope=list(grant.scope),
        audience=grant.audience,
        created_at=grant.created_at,
        idle_expires_at=grant.idle_expires_at,
        expires_at=grant.expires_at,
        last_exchanged_at=grant.last_exchanged_at,
        metadata=grant.metadata,
    )


def _protocol(asked: IssueIdToken) -> dict[str, Any]:
    said: dict[str, Any] = {
        "sub": asked.sub,
        "auth_time": int(asked.auth_time.timestamp()),
        "sid": asked.session_id,
        "nonce": asked.nonce,
        "amr": list(asked.amr) or None,
        "acr": asked.acr,
    }
    return {name: value for name, value in said.items() if value is not None}
