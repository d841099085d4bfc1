"""`POST /oauth/token` and `POST /oauth/revoke`."""

from libs.edge import Route
from services.token.grants.endpoint import TokenEndpoint
from services.token.grants.revocation import Revocation


def routes(endpoint: TokenEndpoint, revocation: Revocation) -> tuple[Route, ...]:
    """The table of routes."""
    return (
        Route("POST", "/oauth/token", endpoint.answer, slot="token"),
        Route("POST", "/oauth/revoke", revocation.answer, slot="token"),
    )
