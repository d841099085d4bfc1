"""Client credentials (RFC 6749 section 4.4): an application asks in its own name.

The `sub` is `<client_id>@clients`, which no person's can be (RFC 9700 section 4.15).
"""

from libs.oauth import InvalidRequest, InvalidScope, InvalidTarget, Parameters, Scopes, UnauthorizedClient
from services.token.grants.grant import Asked, Decision
from services.token.grants.people import require_allowed
from services.token.grants.standing import Api, Standing


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

    async def decide(self, asked: Asked) -> Decision:
        """Grant what the client grant allows; without `scope`, all of it."""
        if asked.authenticated.method == "none":
            raise PublicClientAsks
        require_allowed(asked)
        if "organization" in asked.parameters:
            raise OrganizationsUnknown
        api = _api(asked.parameters, asked.standing)
        scope = _scope(asked.parameters, api)
        sub, claims = f"{asked.standing.client_id}@clients", {"gty": "client-credentials"}
        return Decision(api, sub, scope, claims, api.properties.token_lifetime)


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
