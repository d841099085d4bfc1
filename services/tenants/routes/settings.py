"""`/api/v2/tenants/settings`: read, with defaults filled in, and changed."""

from collections.abc import Mapping
from typing import Any, Final

from libs.edge import Call, answers
from libs.edge.management_errors import BadRequest, NotFound, NotSupported, PayloadTooLarge
from libs.edge.paging import Fields
from libs.edge.validation import changed
from libs.edge.wire import Reply
from libs.edge.writes import context_of, patience, settled
from libs.eventstore import Applied, EventStore, EventTooLarge
from libs.eventstore.applied import SETTLES_WITHIN
from services.tenants import queries
from services.tenants.commands import ChangeSettings
from services.tenants.routes.schema import PROMISES, SETTINGS
from services.tenants.rules.settings import LIFETIMES, MANDATORY_ALG, MandatoryAlgorithmMissing, effective
from services.tenants.rules.tenant import NoSuchTenant

KEYS_WITHIN: Final = 2.0
"""Seconds a change of the allowed algorithms may wait: its answer means that their keys, made meanwhile, can sign."""


class SettingsRoutes:
    """The handlers."""

    def __init__(self, store: EventStore, applied: Applied) -> None:
        self._store = store
        self._applied = applied

    async def read(self, call: Call) -> Reply:
        """What the tenant has."""
        fields = Fields.requested(call.query())
        tenant = await queries.tenant(self._store.database, call.tenant)
        if tenant is None:
            raise _no_tenant()
        return answers.json(fields.of(effective(tenant.settings)))

    async def change(self, call: Call) -> Reply:
        """Change some settings; the answer waits until those who obey them have heard."""
        settings = changed(SETTINGS, call)
        _refuse_promises(settings)
        command = ChangeSettings(tenant=call.tenant, settings=_in_hours(settings))
        try:
            committed = await self._store.execute(command, context_of(call))
        except MandatoryAlgorithmMissing as error:
            raise _rs256_stays() from error
        except NoSuchTenant as error:
            raise _no_tenant() from error
        except EventTooLarge as error:
            raise PayloadTooLarge("The settings of one change are too large together.") from error
        usual = KEYS_WITHIN if "allowed_signing_algs" in command.settings else SETTLES_WITHIN
        headers = await settled(self._applied, committed, within=patience(call, usual))
        return answers.json(_of(committed.state), headers=headers)


def _refuse_promises(settings: Mapping[str, Any]) -> None:
    for name, is_promise in PROMISES.items():
        if name in settings and is_promise(settings[name]):
            raise NotSupported(f"This value of {name} is not supported.")


def _in_hours(settings: dict[str, Any]) -> dict[str, Any]:
    """Lifetimes may be given in minutes; they are kept and shown in hours, as Auth0 does."""
    for name in LIFETIMES:
        minutes = settings.pop(f"{name}_in_minutes", None)
        if minutes is not None:
            settings[name] = minutes / 60
    return settings


def _of(entry: Any) -> dict[str, Any]:
    return effective(entry.tenant.settings)


def _rs256_stays() -> BadRequest:
    return BadRequest(f"Payload validation error: '{MANDATORY_ALG} must be allowed' on property allowed_signing_algs.")


def _no_tenant() -> NotFound:
    return NotFound("The tenant does not exist.", "inexistent_tenant")
