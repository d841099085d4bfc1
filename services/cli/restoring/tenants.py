"""What of `tenants` must not come back: settings that allowed more than the last ones did."""

from collections.abc import Mapping
from typing import Any, Final

from libs.eventstore import Envelope
from services.cli.restoring.steps import Place, Reapply, Step, narrowed
from services.tenants.commands import ChangeSettings
from services.tenants.events import TenantSettingsChanged
from services.tenants.rules.settings import DEFAULTS, effective

LISTS: Final = ("allowed_signing_algs", "allowed_logout_urls")
LIFETIMES: Final = ("session_lifetime", "idle_session_lifetime")


async def settings_changed(place: Place, lost: Envelope, event: TenantSettingsChanged) -> Step | None:
    """Lists lose what they had lost, lifetimes are no longer than they were."""
    entry = await place.state(ChangeSettings(tenant=lost.tenant, settings={}))
    if entry.tenant is None:
        return None
    settings = _restricted(effective(entry.tenant.settings), event.settings)
    if not settings:
        return None
    command = ChangeSettings(tenant=lost.tenant, settings=settings)
    return Step(command, f"tenant {lost.tenant}: {', '.join(settings)} as restricted as before")


def _restricted(here: Mapping[str, Any], lost: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: DEFAULTS[name] if value is None else value for name, value in lost.items() if name in DEFAULTS}
    settings: dict[str, Any] = {name: narrowed(here[name], said[name]) for name in LISTS if name in said}
    settings |= {name: min(here[name], said[name]) for name in LIFETIMES if name in said}
    return {name: value for name, value in settings.items() if value != here[name]}


REAPPLY: Final[Mapping[type, Reapply]] = {TenantSettingsChanged: settings_changed}
"""Every fact of `tenants` that may have restricted something."""
