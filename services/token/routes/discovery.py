"""What the server says about itself (RFC 8414, OpenID Connect Discovery): only what works.

Both documents are the same one: RFC 8414 section 5 wants it so where OpenID Connect is served too.
"""

from typing import Final

from libs.edge import Call, Reply, Route, answers
from libs.jose import ALGORITHMS
from libs.oauth import AuthorizationServer
from libs.postgres import Database
from libs.runtime.errors import Unavailable
from services.token.grants import GRANTS

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
        token_endpoint=f"{issuer}oauth/token",
        jwks_uri=f"{issuer}.well-known/jwks.json",
        grant_types_supported=tuple(GRANTS),
        token_endpoint_auth_methods_supported=("client_secret_basic", "client_secret_post", "private_key_jwt"),
        token_endpoint_auth_signing_alg_values_supported=tuple(ALGORITHMS),
        # Auth0's resource server SDKs read from here which algorithms access tokens may bear.
        id_token_signing_alg_values_supported=signing_algs,
        subject_types_supported=("public",),
    )
