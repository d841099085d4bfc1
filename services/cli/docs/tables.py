"""Owns every service's table of routes as the generators read it: the real ones, with handlers that nobody wired."""

from collections.abc import Mapping
from typing import Final, TypeVar

from libs.edge import Route
from services.audit import routes as audit
from services.audit.routes.logs import Logs
from services.key_rotation import routes as key_rotation
from services.key_rotation.routes.signing_keys import SigningKeyRoutes
from services.tenants import routes as tenants
from services.tenants.routes.branding import BrandingRoutes
from services.tenants.routes.settings import SettingsRoutes
from services.token import app as token
from services.token.grants.endpoint import TokenEndpoint
from services.token.grants.revocation import Revocation
from services.token.routes.desk import Desk
from services.token.routes.discovery import Discovery
from services.token.routes.refresh_tokens import RefreshTokenRoutes

T = TypeVar("T")


def _unwired(kind: type[T]) -> T:
    """An object whose methods can be named, not called."""
    return object.__new__(kind)


TABLES: Final[Mapping[str, tuple[Route, ...]]] = {
    "tenants": tuple(tenants.table(_unwired(SettingsRoutes), _unwired(BrandingRoutes))),
    "token": tuple(
        token.table(
            _unwired(TokenEndpoint),
            _unwired(Revocation),
            _unwired(Discovery),
            _unwired(Desk),
            _unwired(RefreshTokenRoutes),
        )
    ),
    "key_rotation": tuple(key_rotation.table(_unwired(SigningKeyRoutes))),
    "audit": tuple(audit.table(_unwired(Logs))),
}
"""Each service's routes, in the order of its table."""
