"""The routes of `tenants`: the Management API's settings of a tenant, and what other services may ask."""

from libs.edge import Route, RouteTable
from libs.edge.operation import FIELDS, Operation
from services.tenants.routes import unconfigured
from services.tenants.routes.asks import Asks
from services.tenants.routes.branding import BRANDING, PROMPT_SETTINGS, BrandingRoutes
from services.tenants.routes.protection import ProtectionRoutes
from services.tenants.routes.schema import SETTINGS
from services.tenants.routes.settings import SettingsRoutes

PATH = "/api/v2/tenants/settings"

READ = Operation(query=FIELDS, answer=SETTINGS)
CHANGE = Operation(body=SETTINGS, answer=SETTINGS)


BRAND = "/api/v2/branding"
READ_BRANDING = Operation(answer=BRANDING)
CHANGE_BRANDING = Operation(body=BRANDING, answer=BRANDING)

PROMPTS = "/api/v2/prompts"
READ_PROMPTS = Operation(answer=PROMPT_SETTINGS)
CHANGE_PROMPTS = Operation(body=PROMPT_SETTINGS, answer=PROMPT_SETTINGS)


def table(settings: SettingsRoutes, branding: BrandingRoutes, protection: ProtectionRoutes) -> RouteTable:
    """Every route, with the scope that opens it."""
    return RouteTable(
        Route("GET", "/u/branding/logo", branding.shown("logo")),
        Route("GET", "/u/branding/favicon", branding.shown("favicon")),
        Route("GET", BRAND, branding.read, scopes=("read:branding",), operation=READ_BRANDING),
        Route("PATCH", BRAND, branding.change, scopes=("update:branding",), operation=CHANGE_BRANDING),
        Route("GET", PROMPTS, branding.read_prompts, scopes=("read:prompts",), operation=READ_PROMPTS),
        Route("PATCH", PROMPTS, branding.change_prompts, scopes=("update:prompts",), operation=CHANGE_PROMPTS),
        Route("GET", PATH, settings.read, scopes=("read:tenant_settings",), operation=READ),
        Route("PATCH", PATH, settings.change, scopes=("update:tenant_settings",), operation=CHANGE),
        *protection.routes(),
        *unconfigured.routes(),
    )
