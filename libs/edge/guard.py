"""The guard of Management API routes: the tenant's own keys, issuer and audience, and the route's scopes."""

from collections.abc import Callable
from typing import Final

from libs.edge.call import Call
from libs.edge.management import InvalidToken, KeyOf, authorise
from libs.jose import SignedClaims

AUDIENCE: Final = "api/v2/"
"""What a tenant's Management API is called behind its issuer."""


class Issuers:
    """Every tenant's issuer, in memory, fed by whoever follows `tenants`."""

    def __init__(self) -> None:
        self._issuers: dict[str, str] = {}

    def put(self, tenant: str, *, domain: str, scheme: str) -> None:
        """Take in where a tenant is now."""
        self._issuers[tenant] = f"{scheme}://{domain}/"

    def of(self, tenant: str) -> str | None:
        """The issuer of `tenant`, slash included; `None` for a tenant nobody told of."""
        return self._issuers.get(tenant)


def guard(key_of: KeyOf, issuer_of: Callable[[str], str | None]) -> Callable[[Call], SignedClaims]:
    """What `Edge` asks about each request to a route with scopes; a token of another tenant is never good."""

    def claims_of(call: Call) -> SignedClaims:
        issuer = issuer_of(call.tenant)
        if issuer is None:
            raise InvalidToken
        return authorise(
            call, key_of, issuer=issuer, audience=issuer + AUDIENCE, scopes=call.route.scopes or (), now=call.now
        )

    return claims_of
