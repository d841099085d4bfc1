"""What the server says about itself (RFC 8414, OpenID Connect Discovery): only what works.

Both documents are the same one: RFC 8414 section 5 wants it so where OpenID Connect is served too.
"""

from typing import Final

from libs.edge import Call, Reply, Route, answers
from libs.jose import ALGORITHMS
from libs.oauth import AuthorizationServer
from libs.oauth.authorization import MODES_OF
from libs.postgres import Database
from libs.runtime.errors import Unavailable
from services.token.grants import GRANTS
from services.token.rules.people import OFFLINE, OPENID

METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")

CLAIMS: Final = (
    *("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr", "acr"),
    *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
    *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    *("email", "email_verified", "address", "phone_number", "phone_number_verified"),
)

TENANT: Final = "SELECT issuer, allowed_signing_algs FROM tenants_v1 WHERE tenant = $1"


class Discovery:
    """The documents of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        return (
            Route("GET", "/.well-known/openid-configuration", self.document),
            Route("GET", "/.well-known/oauth-authorization-server", self.document),
        )

    async def document(self, call: Call) -> Reply:
        """The metadata of the request's tenant."""
        async with self._database.connection() as rows:
            row = await rows.fetchrow(TENANT, call.tenant)
        if row is None:
            raise Unavailable("the tenant has not been heard of yet")
        return answers.json(_server(row["issuer"], tuple(row["allowed_signing_algs"])).document())


def _server(issuer: str, signing_algs: tuple[str, ...]) -> AuthorizationServer:
    return AuthorizationServer(
        issuer=issuer,
        authorization_endpoint=f"{issuer}authorize",
        token_endpoint=f"{issuer}oauth/token",
        userinfo_endpoint=f"{issuer}userinfo",
        jwks_uri=f"{issuer}.well-known/jwks.json",
        revocation_endpoint=f"{issuer}oauth/revoke",
        end_session_endpoint=f"{issuer}oidc/logout",
        response_types_supported=tuple(MODES_OF),
        response_modes_supported=tuple(dict.fromkeys(mode for modes in MODES_OF.values() for mode in modes)),
        grant_types_supported=(*GRANTS, "implicit"),
        scopes_supported=(*OPENID, OFFLINE),
        claims_supported=CLAIMS,
        claim_types_supported=("normal",),
        acr_values_supported=("1",),
        prompt_values_supported=("none", "login", "consent", "select_account"),
        code_challenge_methods_supported=("S256",),
        token_endpoint_auth_methods_supported=METHODS,
        revocation_endpoint_auth_methods_supported=METHODS,
        token_endpoint_auth_signing_alg_values_supported=tuple(ALGORITHMS),
        revocation_endpoint_auth_signing_alg_values_supported=tuple(ALGORITHMS),
        # Auth0's resource server SDKs read from here which algorithms access tokens may bear.
        id_token_signing_alg_values_supported=signing_algs,
        subject_types_supported=("public",),
        claims_parameter_supported=True,
        request_parameter_supported=False,
        request_uri_parameter_supported=False,
        authorization_response_iss_parameter_supported=True,
        backchannel_logout_supported=True,
        backchannel_logout_session_supported=True,
    )
