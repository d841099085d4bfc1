"""Owns every service's table of routes as the generators read it: the real ones, with handlers that nobody wired."""

from collections.abc import Mapping
from typing import Final, TypeVar

from libs.bus import Bus
from libs.edge import AnsweredRequests, Cursors, Route, RouteTable
from libs.eventstore import Applied, EventStore
from libs.jose import FollowedKeys
from libs.postgres import Database
from libs.sealed import Keyring
from libs.sealed.passwords import Passwords
from services.audit import routes as audit
from services.audit.routes.logs import Logs
from services.connections import app as connections
from services.connections.routes.desk import Desk as ConnectionsDesk
from services.key_rotation import routes as key_rotation
from services.key_rotation.routes.signing_keys import SigningKeyRoutes
from services.login import app as login
from services.login.factors.password import PasswordFactor
from services.login.factors.signup import SignUp
from services.login.factors.tickets import Tickets
from services.login.routes.accounts import Accounts
from services.login.routes.ending import telling
from services.login.routes.people_desk import PeopleDesk
from services.login.routes.remembered import Remembered
from services.login.routes.showing import Pages
from services.login.rows.attempts import Attempts
from services.tenants import routes as tenants
from services.tenants.routes.branding import BrandingRoutes
from services.tenants.routes.protection import ProtectionRoutes
from services.tenants.routes.settings import SettingsRoutes
from services.token import app as token
from services.token.grants.endpoint import TokenEndpoint
from services.token.grants.revocation import Revocation
from services.token.routes.client_connections import ClientConnections
from services.token.routes.desk import Desk
from services.token.routes.discovery import Discovery
from services.token.routes.refresh_tokens import RefreshTokenRoutes

T = TypeVar("T")


def _unwired(kind: type[T]) -> T:
    """An object whose methods can be named, not called."""
    return object.__new__(kind)


def _login() -> RouteTable:
    """The table of `login`, whose rooms look into what they are given."""
    store = _unwired(EventStore)
    store.database = _unwired(Database)
    pages, passwords, attempts = _unwired(Pages), _unwired(Passwords), _unwired(Attempts)
    protocol = login.front(
        store, _unwired(Bus), _unwired(FollowedKeys), dict[str, str]().get, None, telling, pages, _unwired(Cursors)
    )
    factor, signup, tickets = _unwired(PasswordFactor), _unwired(SignUp), _unwired(Tickets)
    accounts = Accounts(store, passwords, attempts, factor, signup, tickets, _unwired(Keyring))
    return login.table(protocol, pages, accounts, _unwired(PeopleDesk), _unwired(Remembered))


def _connections() -> RouteTable:
    """The table of `connections`."""
    desk = ConnectionsDesk(*map(_unwired, (EventStore, Database, Applied, AnsweredRequests, Cursors)))
    return connections.table(desk, _unwired(Bus), None)


TABLES: Final[Mapping[str, tuple[Route, ...]]] = {
    "tenants": tuple(tenants.table(_unwired(SettingsRoutes), _unwired(BrandingRoutes), _unwired(ProtectionRoutes))),
    "token": tuple(
        token.table(
            _unwired(TokenEndpoint),
            _unwired(Revocation),
            _unwired(Discovery),
            _unwired(Desk),
            _unwired(RefreshTokenRoutes),
            _unwired(ClientConnections),
        )
    ),
    "login": tuple(_login()),
    "connections": tuple(_connections()),
    "key_rotation": tuple(key_rotation.table(_unwired(SigningKeyRoutes))),
    "audit": tuple(audit.table(_unwired(Logs))),
}
"""Each service's routes, in the order of its table."""
