"""What tokens say: the claims of access tokens in Auth0's profile or RFC 9068's, of ID tokens, and the answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from libs.edge import Reply, answers
from libs.runtime.ids import text
from services.token.grants.door import HEADERS
from services.token.grants.grant import Decision
from services.token.grants.standing import Standing

USERINFO: Final = "userinfo"
"""Behind the issuer: the audience of tokens for the userinfo endpoint."""


def access_claims(standing: Standing, decision: Decision, now: datetime) -> tuple[dict[str, Any], str]:
    """The access token's claims and its `typ`."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": standing.issuer,
        "sub": decision.sub,
        "aud": _audience(standing, decision),
        "iat": issued_at,
        "exp": issued_at + decision.lifetime,
        "jti": f"{decision.personal.grant_id}.{text(16)}" if decision.personal else text(22),
    }
    if decision.scope:
        claims["scope"] = " ".join(decision.scope)
    if decision.api is None:
        return {**claims, **decision.claims, "azp": standing.client_id}, "JWT"
    properties = decision.api.properties
    if properties.enforce_policies and properties.token_dialect.endswith("_authz"):
        # A person's permissions come with roles, and there are none yet.
        claims["permissions"] = [] if decision.personal else list(decision.scope)
    if properties.token_dialect.startswith("rfc9068_profile"):
        return {**claims, "client_id": standing.client_id}, "at+jwt"
    return {**claims, **decision.claims, "azp": standing.client_id}, "JWT"


def _audience(standing: Standing, decision: Decision) -> str | list[str]:
    userinfo = f"{standing.issuer}{USERINFO}"
    if decision.api is None:
        return userinfo
    if decision.personal and "openid" in decision.scope:
        return [decision.api.identifier, userinfo]
    return decision.api.identifier


def id_claims(standing: Standing, said: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """An ID token's claims (OpenID Connect Core section 2): what is `said`, under what every ID token says.

    The hash of an access token is added when that is signed (`IdDraft`), and is nobody's to say.
    """
    assert standing.client is not None, "an ID token is for a client"
    issued_at = int(now.timestamp())
    return {
        **{name: value for name, value in said.items() if name != "at_hash"},
        "iss": standing.issuer,
        "aud": standing.client_id,
        "iat": issued_at,
        "exp": issued_at + standing.client.jwt_configuration.lifetime_in_seconds,
    }


def id_token_alg(standing: Standing) -> str:
    """What the client's ID tokens are signed with; an algorithm the tenant does not allow any more is RS256 again."""
    assert standing.client is not None, "an ID token is for a client"
    alg = standing.client.jwt_configuration.alg
    return alg if alg in standing.signing_algs else "RS256"


def reply(decision: Decision, claims: Mapping[str, Any], tokens: Mapping[str, str | None]) -> Reply:
    """The answer (RFC 6749 section 5.1), with the tokens there are; `scope` always says what was granted."""
    body: dict[str, Any] = {name: token for name, token in tokens.items() if token is not None}
    if decision.scope:
        body["scope"] = claims["scope"]
    body |= {"expires_in": claims["exp"] - claims["iat"], "token_type": "Bearer"}
    return answers.json(body, headers=HEADERS)
