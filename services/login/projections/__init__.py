"""What `login` keeps of others: applications, APIs, connections and tenants as rows; keys and issuers in memory.

A copy that lags may only refuse earlier (DESIGN §1.2): `token` checks client, redirect URI and scope again.
"""

from typing import Any, Final

from libs.edge.guard import Callers
from libs.eventstore import Projection
from libs.jose import FollowedKeys
from services.key_rotation.events import SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled
from services.login.projections.apis import apis
from services.login.projections.clients import clients
from services.login.projections.connections import connections
from services.login.projections.enabled import enabled
from services.login.projections.tenants import tenants
from services.tenants.events import TenantDomainChanged, TenantRegistered


def following(**hooks: Any) -> tuple[Projection, ...]:
    """Every read model that is kept as rows."""
    return (clients(**hooks), apis(**hooks), connections(**hooks), enabled(**hooks), tenants(**hooks))


PROJECTIONS: Final = following()


def callers() -> Callers:
    """Whom the Management API believes, in memory; a revoked key is gone as soon as its fact is heard."""
    keys = FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)
    return Callers(keys=keys, placed=(TenantRegistered, TenantDomainChanged))
