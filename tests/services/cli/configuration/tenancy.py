"""A tenant in memory, changed by the rules of the services themselves: what the API would answer, without the API."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from services.cli.configuration import present
from services.cli.configuration.difference import Change, Create, Delete, Update
from services.cli.configuration.present import Present
from services.cli.configuration.section import Key
from services.cli.configuration.sections import (
    APIS,
    BRANDING,
    BRUTE_FORCE_PROTECTION,
    CLIENTS,
    DATABASES,
    ENABLED,
    GRANTS,
    PROMPTS,
    SUSPICIOUS_IP_THROTTLING,
    TENANT,
)
from services.connections.rules.connection import merged
from services.connections.rules.defaults import OPTIONS, completed, default_of
from services.tenants.commands import Shield
from services.tenants.rules import branding, protection, settings
from services.token.commands import ChangeResourceServer, RegisterResourceServer
from services.token.rules import client_properties, resource_server

NOW = datetime(2026, 11, 26, tzinfo=UTC)
OWN = "management"
SHIELDS: dict[str, Shield] = {
    BRUTE_FORCE_PROTECTION.name: "brute_force_protection",
    SUSPICIOUS_IP_THROTTLING.name: "suspicious_ip_throttling",
}


class Tenancy:
    """Its objects by section and key; ids are counted."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.apis: dict[Key, resource_server.State] = {}
        self.clients: dict[Key, dict[str, Any]] = {}
        self.grants: dict[Key, dict[str, Any]] = {}
        self.connections: dict[Key, dict[str, Any]] = {}
        self.branding: dict[str, Any] = {}
        self.prompts: dict[str, Any] = {}
        self.protection: dict[str, Any] = {}
        self._numbers = count()

    def present(self) -> Present:
        own = {"client_id": OWN, "name": "Management"}
        system = {"id": "0", "identifier": "https://t/api/v2/", "is_system": True}
        apis = [
            {"id": each.id, **each.properties, "identifier": each.identifier}
            for each in self.apis.values()
            if isinstance(each, resource_server.ResourceServer)
        ]
        listed = {
            TENANT.name: [settings.effective(self.settings)],
            APIS.name: [system, *apis],
            CLIENTS.name: [own, *({"callbacks": [], **each} for each in self.clients.values())],
            GRANTS.name: [{"id": "g0", "client_id": OWN, "audience": "https://t/api/v2/"}, *self.grants.values()],
            DATABASES.name: [*self.connections.values()],
            BRANDING.name: [self.branding],
            PROMPTS.name: [{**branding.PROMPTS, **self.prompts}],
            **{name: [protection.effective(self.protection, shield)] for name, shield in SHIELDS.items()},
        }
        return present.of(listed, OWN)

    def make(self, change: Change) -> None:
        match change:
            case Create():
                self._create(change)
            case Update():
                self._update(change)
            case Delete():
                self._delete(change)

    def _delete(self, change: Delete) -> None:
        objects: dict[str, dict[Key, Any]] = {APIS.name: self.apis, CLIENTS.name: self.clients}
        objects |= {GRANTS.name: self.grants, DATABASES.name: self.connections}
        del objects[change.section.name][change.key]

    def _create(self, change: Create) -> None:
        number, body = str(next(self._numbers)), dict(change.body)
        if change.section is APIS:
            command = RegisterResourceServer("t", number, body.pop("identifier"), body)
            self._decided(change.key, resource_server.register(command, resource_server.NoResourceServer(), NOW))
        elif change.section is CLIENTS:
            self.clients[change.key] = {**client_properties.of_new(body, has_credentials=False), "client_id": number}
        elif change.section is DATABASES:
            ours = {"id": number, "strategy": body.pop("strategy"), ENABLED: self._ids(body.pop(ENABLED, []))}
            self.connections[change.key] = {**ours, "name": body["name"], **completed(body.pop("name"), body)}
        else:
            client_id = self.clients[change.key[:1]]["client_id"]
            scope = {"scope": [], "subject_type": "client"}
            self.grants[change.key] = {**scope, **body, "id": number, "client_id": client_id}

    def _update(self, change: Update) -> None:
        if change.section is TENANT:
            wanted = settings.difference(self.settings, change.body)
            self.settings = settings.taken_in(self.settings, wanted)
        elif change.section is APIS:
            api = self.apis[change.key]
            assert isinstance(api, resource_server.ResourceServer)
            self._decided(change.key, resource_server.change(ChangeResourceServer("t", api.id, change.body), api, NOW))
        elif change.section is CLIENTS:
            self.clients[change.key] = client_properties.changed(self.clients[change.key], change.body)
        elif change.section is GRANTS:
            scope = {"scope": change.body["scope"] or []} if "scope" in change.body else {}
            self.grants[change.key] |= scope
        elif change.section is DATABASES:
            self._update_connection(change)
        else:
            self._update_looks(change)

    def _update_connection(self, change: Update) -> None:
        there, body = self.connections[change.key], dict(change.body)
        enabled = self._ids(body.pop(ENABLED)) if ENABLED in body else there[ENABLED]
        body = {name: default_of(there["name"], name) if value is None else value for name, value in body.items()}
        body |= {"options": {**OPTIONS, **body["options"]}} if "options" in body else {}
        self.connections[change.key] = {**merged(there, body), ENABLED: enabled}

    def _update_looks(self, change: Update) -> None:
        if change.section is BRANDING:
            body = {name: value if value != "" else None for name, value in change.body.items()}
            self.branding = settings.taken_in(self.branding, branding.difference_of(self.branding, body))
        elif change.section is PROMPTS:
            wanted = branding.difference_of(self.prompts, change.body, branding.PROMPTS)
            self.prompts = settings.taken_in(self.prompts, wanted)
        else:
            self.protection |= protection.difference(self.protection, SHIELDS[change.section.name], change.body)

    def _ids(self, names: list[str]) -> list[str]:
        return [self.clients[name,]["client_id"] for name in names]

    def _decided(self, key: Key, events: Any) -> None:
        state = self.apis.get(key, resource_server.NoResourceServer())
        for event in events:
            state = resource_server.evolve(state, event)
        self.apis[key] = state
