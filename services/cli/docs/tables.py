"""Owns every service's table of routes as the generators read it: the real ones, with handlers that nobody wired."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from typing import Final, TypeVar

from libs.edge import Route, RouteTable
from services.audit import routes as audit
from services.audit.routes.logs import Logs
from services.connections import app as connections
from services.key_rotation import routes as key_rotation
from services.key_rotation.routes.signing_keys import SigningKeyRoutes
from services.login import routes as login_routes
from services.tenants import routes as tenants
from services.tenants.routes.branding import BrandingRoutes
from services.tenants.routes.settings import SettingsRoutes
from services.token import app as token
from services.token.grants.endpoint import TokenEndpoint
from services.token.routes.desk import Desk
from services.token.routes.discovery import Discovery

T = TypeVar("T")


def _unwired(kind: type[T]) -> T:
    """An object whose methods can be named, not called."""
    return object.__new__(kind)


class _Nobody:
    """Stands for whatever a table's objects are wired with, and for what that has."""

    def __getattr__(self, name: str) -> "_Nobody":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_given: object, **_named: object) -> "_Nobody":
        return self


def _by_nobody(function: Callable[..., T]) -> T:
    """What a function gives that is wired with nobody."""
    wanted = signature(function).parameters.values()
    given = [_Nobody() for each in wanted if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    named = {each.name: _Nobody() for each in wanted if each.kind is each.KEYWORD_ONLY}
    return function(*given, **named)


def _of_pages() -> Iterator[Route]:
    """The routes of every page of `login`, whose objects bring their own tables."""
    for module in iter_modules(login_routes.__path__, f"{login_routes.__name__}."):
        for each in vars(import_module(module.name)).values():
            if isinstance(each, type) and each.__module__ == module.name and hasattr(each, "routes"):
                yield from _by_nobody(_by_nobody(each).routes)


TABLES: Final[Mapping[str, tuple[Route, ...]]] = {
    "tenants": tuple(tenants.table(_unwired(SettingsRoutes), _unwired(BrandingRoutes))),
    "token": tuple(token.table(_unwired(TokenEndpoint), _unwired(Discovery), _unwired(Desk))),
    "login": tuple(RouteTable(*_of_pages())),
    "connections": tuple(_by_nobody(connections.table)),
    "key_rotation": tuple(key_rotation.table(_unwired(SigningKeyRoutes))),
    "audit": tuple(audit.table(_unwired(Logs))),
}
"""Each service's routes, in the order of its table."""
