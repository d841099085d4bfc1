"""The routes of `audit`: the Management API's logs, and what the operator may ask."""

from libs.edge import RouteTable
from services.audit.routes.logs import Logs


def table(logs: Logs) -> RouteTable:
    """Every route."""
    return RouteTable(*logs.routes())
