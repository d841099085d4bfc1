"""The routes of `audit`: the Management API's logs, and what the operator may ask."""

from libs.edge import RouteTable


def table() -> RouteTable:
    """Every route."""
    return RouteTable()
