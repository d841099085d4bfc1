"""Owns the OpenAPI document of the Management API, `docs/reference/openapi.json`."""

import json

from libs.edge import openapi
from services.cli.docs.tables import TABLES
from services.cli.main import version


def page() -> str:
    """The document."""
    routes = [route for table in TABLES.values() for route in table]
    return json.dumps(openapi.document(routes, version=version()), indent=1, ensure_ascii=False) + "\n"
