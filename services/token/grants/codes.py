"""Issuing authorization codes: what `login` asks for when a person was signed in to an application, or allowed it.

Everything is read from rows again, whatever `login` believed (DESIGN §1.2). The code is an HMAC of the login
transaction, so that a repeated ask finds the same one; of it the row holds a hash.
"""

import hmac
from typing import Any, Final

import msgspec

from libs.jose.base64url import encode
from libs.oauth import AccessDenied, InvalidRequest, InvalidScope, InvalidTarget, OAuthError, UnauthorizedClient
from libs.oauth.authorization import CHALLENGE, is_registered
from libs.postgres import Database, Record
from libs.sealed import DerivedKey, Keyring
from services.token.commands import CodeIssued, IssueCode, IssueIdToken
from services.token.grants import people
from services.token.grants.authorization_code import hash_of
from services.token.grants.standing import Api, ClientProperties, Standing, Standings
from services.token.queries import grants

INSERT: Final = """
INSERT INTO codes (tenant, sha256, transaction, client_id, redirect_uri, scope, audience, nonce, code_challenge,
                   requested, person, session_id, auth_time, acr, amr, is_redirect_uri_implied)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT DO NOTHING RETURNING sha256
"""

ISSUED: Final = """
SELECT sha256, client_id, redirect_uri, person, session_id, code_challenge,
    spent_at IS NULL AND expires_at > clock_timestamp() AS is_good
FROM codes WHERE tenant = $1 AND transaction = $2
"""


class NoSuchApplication(InvalidRequest):
    """There is no application of this id any more."""


class RedirectNotRegistered(InvalidRequest):
    """The redirect URI is not one of the application's."""


class NotForTheApplication(UnauthorizedClient):
    """The application may not use this grant type."""


class ChallengeMissing(InvalidRequest):
    """A public application must send a code_challenge (OAuth 2.1 section 4.1.1)."""


class ChallengeMalformed(InvalidRequest):
    """A code_challenge is the base64url of a SHA-256 (RFC 7636 section 4.2)."""


class NoSuchApi(InvalidTarget):
    """There is no API of this identifier, or it is not for people."""


class NothingGranted(InvalidScope):
    """None of the requested scopes can be granted."""


class TransactionOver(AccessDenied):
    """The login transaction has ended: its code was redeemed, has expired, or was issued for another request."""


class Codes:
    """Issues codes and says what a person may let an application have."""

    def __init__(self, database: Database, standings: Standings, keyring: Keyring) -> None:
        self._database = database
        self._standings = standings
        self._keys = keyring.derived("code")

    async def issue(self, asked: IssueCode) -> CodeIssued:
        """The code, or why there is none."""
        try:
            return CodeIssued(code=await self._issued(asked))
        except OAuthError as refusal:
            return CodeIssued(error=refusal.code, error_description=refusal.description)

    async def _issued(self, asked: IssueCode) -> str:
        standing = await self._standings.read(asked.tenant, asked.client_id)
        client = require_client(standing, asked, "authorization_code")
        _require_challenge(client, asked.code_challenge)
        api = await self._api(asked.tenant, asked.audience or standing.default_audience)
        scope = people.may_have(api, client, asked.scope)
        if asked.scope and not scope:
            raise NothingGranted
        return await self._kept(asked, scope, api)

    async def _api(self, tenant: str, audience: str | None) -> Api | None:
        if audience is None:
            return None
        api = people.api_of(await grants.api(self._database, tenant, audience))
        if api is None or not people.is_for_people(api):
            raise NoSuchApi
        return api

    async def _kept(self, asked: IssueCode, scope: list[str], api: Api | None) -> str:
        """The code whose row is there now: the one that was inserted, or the one an earlier ask left."""
        code = _code(self._keys[0], asked)
        async with self._database.connection() as rows:
            if await rows.fetchval(INSERT, *_row(asked, hash_of(code), scope, api)) is not None:
                return code
            issued = await rows.fetchrow(ISSUED, asked.tenant, asked.transaction)
        if issued is None or not _is_the_same(issued, asked):
            raise TransactionOver
        # It may have been made before the key was replaced.
        found = [each for each in (_code(key, asked) for key in self._keys) if hash_of(each) == issued["sha256"]]
        if not found:
            raise TransactionOver
        return found[0]


def require_client(standing: Standing, asked: IssueCode | IssueIdToken, grant_type: str) -> ClientProperties:
    """The application, if the answer may be sent where it is to go.

    Raises:
        InvalidRequest, UnauthorizedClient: one of the reasons above.
    """
    client = standing.client
    if client is None:
        raise NoSuchApplication
    if not is_registered(asked.redirect_uri, client.callbacks, is_native=client.app_type == "native"):
        raise RedirectNotRegistered
    if not client.may_use(grant_type):
        raise NotForTheApplication
    return client


def _require_challenge(client: ClientProperties, challenge: str | None) -> None:
    if challenge is None:
        if client.is_public:
            raise ChallengeMissing
    elif not CHALLENGE.fullmatch(challenge):
        raise ChallengeMalformed


def _code(key: DerivedKey, asked: IssueCode) -> str:
    # The tenant's length goes first: no other tenant and transaction give the same text.
    said = f"{len(asked.tenant)}:{asked.tenant}{asked.transaction}"
    return encode(hmac.digest(key.key, said.encode(), "sha256")).decode()


def _row(asked: IssueCode, sha256: bytes, scope: list[str], api: Api | None) -> tuple[Any, ...]:
    return (
        asked.tenant,
        sha256,
        asked.transaction,
        asked.client_id,
        asked.redirect_uri,
        scope,
        api and api.identifier,
        asked.nonce,
        asked.code_challenge,
        None if asked.requested is None else msgspec.json.encode(asked.requested).decode(),
        asked.person,
        asked.session_id,
        asked.auth_time,
        asked.acr,
        asked.amr,
        asked.is_redirect_uri_implied,
    )


def _is_the_same(issued: Record, asked: IssueCode) -> bool:
    names = ("client_id", "redirect_uri", "person", "session_id", "code_challenge")
    return bool(issued["is_good"]) and all(issued[name] == getattr(asked, name) for name in names)
