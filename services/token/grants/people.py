"""What the grant types of people share: which API, what `login` says of the person, how a grant ends.

`login` is asked before the transaction, each time: whoever was blocked, erased or signed out everywhere gets nothing
more, and claims are what they are now (DESIGN §1.2).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from prometheus_client import Counter

from libs.eventstore import Actor, Context
from libs.oauth import InvalidTarget, OAuthError, Parameters, UnauthorizedClient
from libs.telemetry.logs import log
from services.login.commands import PersonAnswer, PersonOf
from services.token.commands import RevokeGrant
from services.token.grants.grant import Asked, Reach
from services.token.grants.standing import Api, ApiProperties, ClientProperties
from services.token.queries.grants import ApiRow
from services.token.rules.grant import EndsGrant
from services.token.rules.people import OPENID, granted
from services.token.rules.refresh_token import RefreshTokenAhead

AHEAD: Final = Counter(
    "limen_refresh_tokens_ahead_total",
    "Genuine refresh tokens newer than their rows: the database went back. Anything but 0 is an alarm.",
)

FOR_USERINFO: Final = 86_400
"""Seconds that an access token without an API lives, as in Auth0."""

FOR_WEB: Final = 7_200
"""The same in a browser."""


class GrantTypeNotAllowed(UnauthorizedClient):
    """The application is not registered for this grant type."""

    def __init__(self, grant_type: str) -> None:
        super().__init__(f"Grant type '{grant_type}' not allowed for the client.")


class NotTheGrantedTarget(InvalidTarget):
    """The token would be for another API than was granted."""

    description = "The requested audience is not the one that was granted."


class PersonRefused(Exception):
    """`login` says that the grant is dead; the message is its word for why."""


def require_allowed(asked: Asked) -> ClientProperties:
    """The client, when it may use the grant type.

    Raises:
        GrantTypeNotAllowed: it may not.
    """
    client = asked.standing.client
    assert client is not None, "an authenticated client exists"
    if not client.may_use(asked.grant_type):
        raise GrantTypeNotAllowed(asked.grant_type)
    return client


def api_of(row: ApiRow | None) -> Api | None:
    """The API of a code or grant, as the endpoint knows APIs."""
    if row is None:
        return None
    properties = msgspec.json.decode(row.properties, type=ApiProperties)
    return Api(row.id, row.version, row.identifier, properties, (), is_system=row.is_system)


def may_have(api: Api | None, client: ClientProperties, scope: Sequence[str]) -> list[str]:
    """Those of the scopes that a person may let the client have now; none of an API that is not for people."""
    allows = api is None or api.properties.allow_offline_access
    return granted(
        scope,
        defined=() if api is None else api.defined,
        is_system=api is not None and api.is_system,
        is_enforced=api is not None and api.properties.enforce_policies,
        may_be_offline=allows and client.may_use("refresh_token"),
    )


def is_for_people(api: Api) -> bool:
    """Whether a person may let an application have the API at all."""
    return api.properties.subject_type_authorization.user.policy == "allow_all"


def lifetime(api: Api | None, client: ClientProperties) -> int:
    """Seconds that an access token lives; a browser's less, as nothing there keeps a secret."""
    in_browser = client.app_type == "spa"
    if api is None:
        return FOR_WEB if in_browser else FOR_USERINFO
    return (in_browser and api.properties.token_lifetime_for_web) or api.properties.token_lifetime


def require_target(parameters: Parameters, audience: str | None) -> None:
    """Refuse another API than the one that was granted (RFC 8707 section 2.2).

    Raises:
        NotTheGrantedTarget: another, or several.
    """
    named = {*parameters.resource, *([parameters["audience"]] if "audience" in parameters else [])}
    if named - {audience}:
        raise NotTheGrantedTarget


async def person(asked: Asked, question: PersonOf) -> PersonAnswer:
    """What is said of the person now.

    Raises:
        PersonRefused: the grant is dead.
        Unavailable: `login` is away; nothing is given meanwhile.
    """
    answer = await asked.reach.people.one(question)
    if answer.refusal is not None:
        raise PersonRefused(answer.refusal)
    return answer


def openid_of(scope: Sequence[str]) -> list[str]:
    """Those of the scopes by which claims are chosen."""
    return [each for each in scope if each in OPENID]


async def consequences(reach: Reach, tenant: str, client_id: str, refusal: OAuthError) -> None:
    """What a refusal by rows that were just read leaves behind: a grant that ends, or an alarm."""
    match refusal:
        case EndsGrant():
            context = Context(actor=Actor("client", client_id), client_id=client_id, grant_id=refusal.grant_id)
            await reach.store.execute(RevokeGrant(tenant, refusal.grant_id, refusal.why), context)
        case RefreshTokenAhead(grant_id=grant_id, presented=presented, newest=newest):
            AHEAD.inc()
            log.error(
                "a refresh token is newer than its row: the database went back",
                tenant=tenant,
                grant_id=grant_id,
                presented=presented,
                newest=newest,
            )
        case _:
            return


def id_claims(answer: PersonAnswer, protocol: dict[str, Any], scope: Sequence[str]) -> dict[str, Any] | None:
    """The claims of an ID token: what `login` says of the person, under what the protocol says; `None` without openid.

    The protocol's go last: no profile can change who it is about.
    """
    if "openid" not in scope:
        return None
    return {**answer.claims, **{name: value for name, value in protocol.items() if value is not None}}
