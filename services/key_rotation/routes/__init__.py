"""The routes of `key_rotation`: the Management API's signing keys, and what other services may ask."""

from libs.edge import Route, RouteTable
from libs.edge.operation import Operation
from libs.edge.schema import Array
from services.key_rotation.routes.signing_keys import CHANGED, KEY, ROTATION, SigningKeyRoutes

PATH = "/api/v2/keys/signing"

CHANGE = ("create:signing_keys", "update:signing_keys")

LIST = Operation(answer=Array(KEY))
READ = Operation(answer=KEY)
ROTATE = Operation(body=ROTATION, is_body_optional=True, answer=CHANGED, status=201)
REVOKE = Operation(answer=CHANGED)


def table(keys: SigningKeyRoutes) -> RouteTable:
    """Every route, with the scopes of which any opens it."""
    return RouteTable(
        Route("GET", PATH, keys.listing, scopes=("read:signing_keys",), operation=LIST),
        Route(
            "POST",
            f"{PATH}/rotate",
            keys.rotate,
            scopes=("create:signing_keys", "update:signing_keys"),
            operation=ROTATE,
        ),
        Route("GET", f"{PATH}/{{kid}}", keys.read, scopes=("read:signing_keys",), operation=READ),
        Route("PUT", f"{PATH}/{{kid}}/revoke", keys.revoke, scopes=("update:signing_keys",), operation=REVOKE),
    )
