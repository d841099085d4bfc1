"""The routes of `login`."""

from libs.edge import RouteTable


def table() -> RouteTable:
    """Every route of the service."""
    return RouteTable()
