"""`POST /oauth/token`."""

from libs.edge import Route
from services.token.grants.endpoint import TokenEndpoint


def routes(endpoint: TokenEndpoint) -> tuple[Route, ...]:
    """The table of routes."""
    return (Route("POST", "/oauth/token", endpoint.answer, slot="token"),)
