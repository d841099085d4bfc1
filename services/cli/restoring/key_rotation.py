"""What of `key_rotation` must not come back: signing keys that were revoked."""

from collections.abc import Mapping
from typing import Final

from libs.eventstore import Envelope
from libs.runtime.clock import Clock
from libs.settings import load
from services.cli.restoring.steps import Place, Reapply, Step
from services.key_rotation import queries
from services.key_rotation.app import open_keyring
from services.key_rotation.commands import SERVICE, RevokeSigningKey, Times
from services.key_rotation.config import Settings
from services.key_rotation.events import SigningKeyRevoked
from services.key_rotation.vaults.forge import Forge

NEEDED: Final = 2
"""Fresh keys a revocation may need: one to sign at once, one to announce."""


async def key_revoked(place: Place, lost: Envelope, event: SigningKeyRevoked) -> Step | None:
    """The key is revoked again; the next one signs in its place."""
    settings = load(Settings, place.environ, service=SERVICE)
    times = Times(max_age=settings.jwks_max_age, lead=settings.key_lead, rotation=settings.key_rotation)
    asked = RevokeSigningKey(tenant=lost.tenant, kid=event.kid, candidates=(), times=times)
    key = (await place.state(asked)).find(event.kid)
    if key is None or key.is_revoked:
        return None
    database = place.store.database
    name = await queries.issuer_name(database, lost.tenant)
    forge = Forge(open_keyring(place.environ), Clock())
    command = RevokeSigningKey(
        tenant=lost.tenant,
        kid=event.kid,
        candidates=await forge.candidates(lost.tenant, [key.alg] * NEEDED, issuer_name=name),
        times=times,
        is_wanted=await queries.is_allowed(database, lost.tenant, key.alg),
    )
    return Step(command, f"signing key {event.kid} of tenant {lost.tenant} is revoked again")


REAPPLY: Final[Mapping[type, Reapply]] = {SigningKeyRevoked: key_revoked}
"""Every fact of `key_rotation` that restricted something."""
