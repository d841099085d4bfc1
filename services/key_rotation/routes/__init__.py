"""The routes of `key_rotation`: the Management API's signing keys, and what other services may ask."""

from libs.edge import Route, RouteTable
from services.key_rotation.routes.signing_keys import SigningKeyRoutes

PATH = "/api/v2/keys/signing"


def table(keys: SigningKeyRoutes) -> RouteTable:
    """Every route, with the scopes of which any opens it."""
    return RouteTable(
        Route("GET", PATH, keys.listing, scopes=("read:signing_keys",)),
        Route("POST", f"{PATH}/rotate", keys.rotate, scopes=("create:signing_keys", "update:signing_keys")),
        Route("GET", f"{PATH}/{{kid}}", keys.read, scopes=("read:signing_keys",)),
        Route("PUT", f"{PATH}/{{kid}}/revoke", keys.revoke, scopes=("update:signing_keys",)),
    )
