"""Owns the table of a file's sections: which resource each describes, how its objects are named, what is left out.

A resource of the Management API becomes part of files by a row here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from libs.edge.schema import Property, Resource
from services.tenants.routes.schema import SETTINGS
from services.tenants.rules import settings
from services.token.routes.schemas import client, client_grant, resource_server
from services.token.routes.schemas.addons import refuse_mappings
from services.token.routes.schemas.promises import Promises
from services.token.rules import client_properties
from services.token.rules.resource_server import DEFAULTS as API_DEFAULTS

Key = tuple[str, ...]
"""What names an object: an application's name; of a grant, the application's name and the API; of settings, nothing."""

Entries = dict[Key, dict[str, Any]]
"""The objects of a section, each with all its properties, those of its key included."""

Configuration = dict[str, Entries]
"""Entries by section; a section that is not there is not spoken of."""

Check = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One row."""

    name: str
    """The key in the file."""
    what: str
    """What people call one of its objects."""
    path: str
    """Below `/api/v2/`."""
    resource: Resource
    keys: Key = ()
    listed: str = ""
    """The member of a page that holds its items."""
    id_member: str = "id"
    has_checkpoints: bool = True
    query: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What a property has again when it is removed."""
    own_defaults: Callable[[Mapping[str, Any]], Mapping[str, Any]] = field(default=lambda _properties: {})
    """Of those, what depends on the object."""
    memberwise: frozenset[str] = frozenset()
    """Properties whose members are laid over those that are there, by the API and so here."""
    open_members: frozenset[str] = frozenset()
    """Those of them whose members the administrator names: one that is not in the file is removed by `--delete`."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Properties that a file cannot say, with the reason."""
    read_only: frozenset[str] = frozenset()
    """Members of answers that the resource does not declare; a file may repeat them, to no effect."""
    promises: Promises = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    @property
    def is_single(self) -> bool:
        """Whether it is one object, which is neither created nor deleted."""
        return not self.keys

    def default(self, name: str, there: Mapping[str, Any]) -> Any:
        """What a property of the object that is there has again when it is removed."""
        return {**self.defaults, **self.own_defaults(there)}.get(name)

    @property
    def writable(self) -> dict[str, Property]:
        """The properties that a file may say."""
        properties = self.resource.properties
        return {each.name: each for each in properties if not each.is_read_only and each.name not in self.left_out}

    @property
    def unwritable(self) -> frozenset[str]:
        """Members that a file may repeat, to no effect."""
        declared = {each.name for each in self.resource.properties if each.is_read_only}
        return (self.read_only | declared) - self.left_out.keys()

    def key_of(self, properties: Mapping[str, Any]) -> Key:
        """What names an object with these properties."""
        return tuple(properties[name] for name in self.keys)

    def label(self, key: Key) -> str:
        """An object's name for people."""
        return f"{self.what} {' → '.join(map(shown_name, key))}".rstrip()


TENANT: Final = Section(
    name="tenant",
    what="settings",
    path="tenants/settings",
    resource=SETTINGS,
    defaults=settings.DEFAULTS,
    memberwise=frozenset({"flags"}),
    read_only=frozenset({"sandbox_versions_available"}),
)

APIS: Final = Section(
    name="resourceServers",
    what="API",
    path="resource-servers",
    listed="resource_servers",
    resource=resource_server.RESOURCE_SERVER,
    keys=("identifier",),
    has_checkpoints=False,
    defaults=API_DEFAULTS,
    promises=resource_server.PROMISES,
    checks=(resource_server.refuse_repeated_scopes,),
)

CLIENTS: Final = Section(
    name="clients",
    what="application",
    path="clients",
    listed="clients",
    resource=client.CLIENT,
    keys=("name",),
    id_member="client_id",
    query={"is_global": "false"},
    defaults={**client_properties.DEFAULTS, "callbacks": []},
    own_defaults=client_properties.defaults_of,
    memberwise=client_properties.MEMBERWISE,
    open_members=frozenset({"client_metadata"}),
    left_out={
        "client_secret": "a secret is issued by the API, never by a file",
        "client_authentication_methods": "an application's keys are registered by the API",
    },
    promises=client.PROMISES,
    checks=(refuse_mappings,),
)

GRANTS: Final = Section(
    name="clientGrants",
    what="client grant",
    path="client-grants",
    listed="client_grants",
    resource=client_grant.CLIENT_GRANT,
    keys=("client_id", "audience"),
    defaults={"scope": [], "subject_type": "client"},
    promises=client_grant.PROMISES,
)

SECTIONS: Final = {each.name: each for each in (TENANT, APIS, CLIENTS, GRANTS)}
"""In the order of a file."""


def shown_name(name: str) -> str:
    """A name with what is not printable escaped: it was chosen by others, and a terminal obeys control characters."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in name)
