"""Every route of the Management API opens with the scopes, and takes the parameters, that Auth0's operation has."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from libs.edge import Route
from libs.oauth.management_scopes import MANAGEMENT_SCOPES
from services.cli.docs.tables import TABLES

KNOWN: Final[dict[str, dict[str, list[str]]]] = json.loads(
    (Path(__file__).parents[1] / "data" / "auth0" / "operations.json").read_text()
)
"""Facts about Auth0's operations: by method and path, scopes and names of query parameters."""

OURS: Final = {"GET /api/v2/clients/{id}/history"}
"""Operations that Auth0 has not."""

ROUTES: Final = [
    route for table in TABLES.values() for route in table if route.is_management and route.name not in OURS
]


def auth0s(route: Route) -> dict[str, Any]:
    return KNOWN[f"{route.method} {re.sub(r'{[^}]*}', '{}', route.template)}"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_opens_with_auth0s_scopes(route: Route) -> None:
    assert sorted(route.scopes or ()) == sorted(auth0s(route)["scopes"])
    assert set(route.scopes or ()) <= set(MANAGEMENT_SCOPES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_takes_auth0s_parameters(route: Route) -> None:
    assert route.operation is not None
    assert set(auth0s(route)["query"]) <= {each.name for each in route.operation.query}
