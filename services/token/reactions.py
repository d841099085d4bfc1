"""What `token` does about tenants: each gets its Management API, named after its issuer."""

from hashlib import sha256

from libs.eventstore import Envelope, Reaction
from libs.oauth.management_scopes import MANAGEMENT_SCOPES
from services.tenants.events import CATALOGUE, TenantDomainChanged, TenantRegistered
from services.token.commands import ChangeResourceServer, RegisterResourceServer
from services.token.projections import issuer_of
from services.token.rules.resource_server import SYSTEM_NAME

MANAGEMENT_TOKEN_LIFETIME = 86400


def management_audience(issuer: str) -> str:
    """The audience of a tenant's Management API, as Auth0's SDKs ask for it."""
    return f"{issuer}api/v2/"


def management_api_id(tenant: str) -> str:
    """The id of a tenant's Management API: derived, so that a repeat finds it."""
    return sha256(f"management api of {tenant}".encode()).hexdigest()[:24]


async def prepare(envelope: Envelope, event: TenantRegistered) -> RegisterResourceServer:
    """A new tenant gets its Management API."""
    return RegisterResourceServer(
        tenant=envelope.tenant,
        id=management_api_id(envelope.tenant),
        identifier=management_audience(issuer_of(event.scheme, event.domain)),
        is_system=True,
        properties={
            "name": SYSTEM_NAME,
            "scopes": [{"value": each, "description": each} for each in MANAGEMENT_SCOPES],
            "signing_alg": "RS256",
            "token_lifetime": MANAGEMENT_TOKEN_LIFETIME,
        },
    )


async def follow_issuer(envelope: Envelope, event: TenantDomainChanged) -> ChangeResourceServer:
    """The Management API's audience follows the issuer."""
    return ChangeResourceServer(
        tenant=envelope.tenant,
        id=management_api_id(envelope.tenant),
        identifier=management_audience(issuer_of(event.scheme, event.domain)),
        properties={},
    )


MANAGEMENT_APIS = Reaction(
    name="management_apis",
    source=CATALOGUE,
    reacts={TenantRegistered: prepare, TenantDomainChanged: follow_issuer},
    from_start=True,
)
