"""Owns the page of endpoints: what the gateway lets in, and every service's table of routes with its scopes."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from libs.edge import Route
from libs.edge.paths import MANAGEMENT
from services.cli.docs import markdown
from services.cli.docs.markdown import code, table
from services.cli.docs.sources import SERVICES
from services.cli.docs.tables import TABLES
from services.gateway.routes.table import EXACT

INTRODUCTION: Final = """\
Every public URL goes through the gateway; a path that is not here is 404, another method 405.
A route of the Management API wants an access token for `<issuer>api/v2/` with any of its scopes.
The admin port of each process answers `/livez`, `/readyz` and `/metrics`, and nothing else."""


DOCUMENTS: Final = "[Documents](../../services/gateway/routes/documents.py)"


class Endpoint(NamedTuple):
    """One row of the page."""

    path: str
    method: str
    service: str
    scopes: tuple[str, ...]
    place: str
    """Where its handler is."""


def page() -> str:
    """The page."""
    found = sorted(endpoints(), key=lambda each: (each.path.startswith(MANAGEMENT), each.path, each.method))
    public = [each for each in found if not each.path.startswith(MANAGEMENT)]
    managed = [each for each in found if each.path.startswith(MANAGEMENT)]
    return markdown.page(
        "Endpoints",
        INTRODUCTION,
        "## Public\n\n" + table(("path", "method", "answered by", "in"), [_public(each) for each in public]),
        "## Management API\n\n" + table(("path", "method", "any scope of", "in"), map(_managed, managed)),
    )


def endpoints() -> Iterator[Endpoint]:
    """Every route of every service, and what the gateway answers itself."""
    own = {path: route for path, route in EXACT.items() if not route.service}
    served = {each for service in SERVICES for each in _routes(service)}
    for path, route in own.items():
        if not any(each.path == path for each in served):
            yield from (Endpoint(path, method, "gateway", (), DOCUMENTS) for method in route.methods if method == "GET")
    yield from served


def _routes(service: str) -> Iterator[Endpoint]:
    for route in TABLES.get(service, ()):
        yield Endpoint(route.template, route.method, service, route.scopes or (), _place(route))


def _place(route: Route) -> str:
    module = route.handler.__module__.replace(".", "/")
    return f"[{route.handler.__qualname__}](../../{module}.py)"


def _public(each: Endpoint) -> tuple[str, str, str, str]:
    return code(each.path), each.method, code(each.service), each.place


def _managed(each: Endpoint) -> tuple[str, str, str, str]:
    return code(each.path), each.method, ", ".join(map(code, each.scopes)), each.place
