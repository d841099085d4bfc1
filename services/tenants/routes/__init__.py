"""The routes of `tenants`: the Management API's settings of a tenant, and what other services may ask."""

from libs.edge import Route, RouteTable
from libs.edge.operation import FIELDS, Operation
from services.tenants.routes import unconfigured
from services.tenants.routes.asks import Asks
from services.tenants.routes.schema import SETTINGS
from services.tenants.routes.settings import SettingsRoutes

PATH = "/api/v2/tenants/settings"

READ = Operation(query=FIELDS, answer=SETTINGS)
CHANGE = Operation(body=SETTINGS, answer=SETTINGS)


def table(settings: SettingsRoutes) -> RouteTable:
    """Every route, with the scope that opens it."""
    return RouteTable(
        Route("GET", PATH, settings.read, scopes=("read:tenant_settings",), operation=READ),
        Route("PATCH", PATH, settings.change, scopes=("update:tenant_settings",), operation=CHANGE),
        *unconfigured.routes(),
    )
