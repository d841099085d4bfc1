"""Client credentials (RFC 6749 section 4.4): an application asks in its own name.

The `sub` is `<client_id>@clients`, which no person's can be (RFC 9700 section 4.15).
"""

from typing import Final

from libs.oauth import InvalidRequest, InvalidScope, InvalidTarget, Parameters, Scopes, UnauthorizedClient
from services.token.grants.grant import Asked, Decision
from services.token.grants.standing import Api, Standing

ALLOWED_BY_DEFAULT: Final = ("client_credentials",)


class GrantTypeNotAllowed(UnauthorizedClient):
    """The application is not registered for this grant type."""

    def __init__(self, grant_type: str) -> None:
        super().__init__(f"Grant type '{grant_type}' not allowed for the client.")


class PublicClientAsks(UnauthorizedClient):
    """A public client cannot prove that it asks in its own name (RFC 6749 section 4.4)."""

    description = "Grant type 'client_credentials' not allowed for the client."


class NoAudience(InvalidRequest):
    """The request names no audience, and the tenant has no default one."""

    description = "Missing required parameter: audience"


class TwoAudiences(InvalidTarget):
    """A token is for one API; several were named."""

    description = "Only one audience or resource can be requested."


class NotGranted(InvalidTarget):
    """The application has no grant for this API, or there is no such API: outside that is the same."""

    def __init__(self, audience: str) -> None:
        super().__init__(
            f"Client is not authorized to access '{audience}'. "
            "You need to create a client grant associated to this API."
        )


class BeyondTheGrant(InvalidScope):
    """More scope was asked than the client grant allows."""

    description = "The client grant does not allow all of the requested scope."


class OrganizationsUnknown(InvalidRequest):
    """Organizations do not exist yet, and a token that ignored the wish would be for everybody."""

    description = "The parameter organization is not supported."


class ClientCredentials:
    """The grant type `client_credentials`."""

    parameters = frozenset({"audience", "resource", "scope", "organization"})

    def decide(self, asked: Asked) -> Decision:
        """Grant what the client grant allows; without `scope`, all of it."""
        _require_allowed(asked)
        if "organization" in asked.parameters:
            raise OrganizationsUnknown
        api = _api(asked.parameters, asked.standing)
        scope = _scope(asked.parameters, api)
        return Decision(api, f"{asked.standing.client_id}@clients", scope, {"gty": "client-credentials"})


def _require_allowed(asked: Asked) -> None:
    client = asked.standing.client
    assert client is not None, "an authenticated client exists"
    if asked.authenticated.method == "none":
        raise PublicClientAsks
    if asked.grant_type not in (ALLOWED_BY_DEFAULT if client.grant_types is None else client.grant_types):
        raise GrantTypeNotAllowed(asked.grant_type)


def _api(parameters: Parameters, standing: Standing) -> Api:
    named = {*parameters.resource, *([parameters["audience"]] if "audience" in parameters else [])}
    if not named and standing.default_audience:
        named = {standing.default_audience}
    if not named:
        raise NoAudience
    if len(named) > 1:
        raise TwoAudiences
    (audience,) = named
    api = standing.api_by_identifier.get(audience)
    if api is None:
        raise NotGranted(audience)
    return api


def _scope(parameters: Parameters, api: Api) -> tuple[str, ...]:
    if "scope" not in parameters:
        return api.scopes
    asked = tuple(Scopes.parse(parameters["scope"]))
    if not set(asked) <= set(api.scopes):
        raise BeyondTheGrant
    return asked
