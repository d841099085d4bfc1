"""One request on its way through a service: what arrived, what was matched, and by when it must be answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from libs.edge.query import Query
from libs.edge.wire import Request

if TYPE_CHECKING:
    from libs.edge.routes import Route
    from libs.jose import SignedClaims


@dataclass(slots=True)
class Call:
    """What a handler gets."""

    request: Request
    route: "Route"
    parameters: Mapping[str, str]
    """The path's parameters, decoded."""
    now: datetime
    """When the request was taken up, by the service's clock."""
    deadline: float
    """Unix seconds: nothing may be committed after it."""
    trace: str
    """The `traceparent` of this step."""
    claims: "SignedClaims | None" = None
    """Of the verified access token; never `None` on a route that has scopes."""

    @property
    def tenant(self) -> str:
        """The tenant's id, which the gateway found by the host."""
        return self.request.tenant

    @property
    def request_id(self) -> str:
        """The id under which logs and events of this request are found."""
        return self.request.request_id

    @property
    def caller(self) -> str:
        """The application whose token it is, or else its subject; empty without a token."""
        claims: Mapping[str, Any] = self.claims or {}
        return str(claims.get("azp") or claims.get("client_id") or claims.get("sub", ""))

    def header(self, name: str) -> str | None:
        """Return the first header of this lower-case name."""
        return next((value for each, value in self.request.headers if each == name), None)

    def query(self) -> Query:
        """Read the query string, strictly (`libs.edge.query`)."""
        return Query.read(self.request.query)
