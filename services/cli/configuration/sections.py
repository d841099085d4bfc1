"""Owns the table of a file's sections: which resource each describes, how its objects are named, what is left out.

A resource of the Management API becomes part of files by a row here.
"""

from typing import Final

from libs.edge.schema import Array, Text
from services.cli.configuration.section import Section
from services.connections.routes.schemas.connection import CONNECTION, refuse_promises
from services.connections.rules.defaults import DATABASE_STRATEGY, completed
from services.tenants.commands import PROTECTION
from services.tenants.routes.branding import BRANDING as BRANDING_RESOURCE
from services.tenants.routes.branding import PROMPT_SETTINGS, refuse_unshowable
from services.tenants.routes.protection import BRUTE_FORCE, SUSPICIOUS_IP
from services.tenants.routes.schema import PROMISES, SETTINGS
from services.tenants.rules import settings
from services.tenants.rules.branding import PROMPTS as PROMPT_DEFAULTS
from services.token.routes.schemas import client, client_grant, resource_server
from services.token.routes.schemas.addons import refuse_mappings
from services.token.rules import client_properties
from services.token.rules.resource_server import DEFAULTS as API_DEFAULTS

ENABLED: Final = "enabled_clients"
"""Of a connection: the applications that may use it, by name; the API is told of each by itself."""

MOST_APPLICATIONS: Final = 100_000
"""Applications that a file may let use one connection."""

TENANT: Final = Section(
    name="tenant",
    what="settings",
    path="tenants/settings",
    resource=SETTINGS,
    defaults=settings.DEFAULTS,
    memberwise=frozenset({"flags"}),
    read_only=frozenset({"sandbox_versions_available"}),
    promises=PROMISES,
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
    named=(CLIENTS.name, APIS.name),
    kinds={"client_id": Text()},
    defaults={"scope": [], "subject_type": "client"},
    promises=client_grant.PROMISES,
)

DATABASES: Final = Section(
    name="databases",
    what="connection",
    path="connections",
    listed="connections",
    resource=CONNECTION,
    keys=("name",),
    query={"strategy": DATABASE_STRATEGY},
    named=(CLIENTS.name,),
    kinds={"strategy": Text(enum=(DATABASE_STRATEGY,)), ENABLED: Array(Text(), 0, MOST_APPLICATIONS, is_unique=True)},
    given={"strategy": DATABASE_STRATEGY},
    own_defaults=lambda there: completed(there["name"], {}),
    memberwise=frozenset({"options"}),
    sent_whole=frozenset({"options"}),
    unordered=frozenset({ENABLED}),
    checks=(refuse_promises,),
)

BRANDING: Final = Section(
    name="branding",
    what="branding",
    path="branding",
    resource=BRANDING_RESOURCE,
    defaults={"colors": {}, "logo_url": "", "favicon_url": "", "font": {}},
    is_sparse=True,
    left_out={"templates": "the pages are not replaced by templates yet"},
    checks=(refuse_unshowable,),
)

PROMPTS: Final = Section(
    name="prompts",
    what="prompts",
    path="prompts",
    resource=PROMPT_SETTINGS,
    defaults=PROMPT_DEFAULTS,
    left_out={
        "customText": "texts cannot be changed yet",
        "partials": "there are no partials yet",
        "screenRenderers": "there are no renderers of one's own yet",
    },
)

BRUTE_FORCE_PROTECTION: Final = Section(
    name="attackProtection.bruteForceProtection",
    what="brute-force protection",
    path="attack-protection/brute-force-protection",
    resource=BRUTE_FORCE,
    defaults=PROTECTION["brute_force_protection"],
)

SUSPICIOUS_IP_THROTTLING: Final = Section(
    name="attackProtection.suspiciousIpThrottling",
    what="suspicious IP throttling",
    path="attack-protection/suspicious-ip-throttling",
    resource=SUSPICIOUS_IP,
    defaults=PROTECTION["suspicious_ip_throttling"],
    memberwise=frozenset({"stage"}),
    memberwise_deep=frozenset({"stage"}),
)

SECTIONS: Final = {
    each.name: each
    for each in (
        *(TENANT, APIS, CLIENTS, GRANTS, DATABASES, BRANDING, PROMPTS),
        *(BRUTE_FORCE_PROTECTION, SUSPICIOUS_IP_THROTTLING),
    )
}
"""In the order of a file; but for the settings, which may name what the others make, they are made in it as well."""
