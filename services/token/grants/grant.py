"""What a grant type is to the endpoint: some small questions; the endpoint owns the order in which they are asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from libs.oauth import Parameters
from services.token.grants.authentication import Authenticated
from services.token.grants.standing import Api, Standing


class Asked(NamedTuple):
    """A request whose client is authenticated."""

    grant_type: str
    parameters: Parameters
    standing: Standing
    authenticated: Authenticated
    now: datetime


class Decision(NamedTuple):
    """What the token shall say; the endpoint adds issuer, times, `jti` and the client."""

    api: Api
    sub: str
    scope: tuple[str, ...]
    claims: Mapping[str, Any]


class Grant(Protocol):
    """One grant type."""

    parameters: frozenset[str]
    """What it reads from the request besides the client's authentication."""

    def decide(self, asked: Asked) -> Decision:
        """Decide what is granted.

        Raises:
            OAuthError: a reason why not.
        """
