"""Owns what an operator may look back at: each kind of thing, which service and stream remember it, how it is shown."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from libs.eventstore import Catalogue
from libs.eventstore.verify import FoldCheck
from services.tenants.events import CATALOGUE as OF_TENANTS
from services.tenants.rows import FOLD as TENANT
from services.tenants.rules.tenant import Entry
from services.token.events import CATALOGUE as OF_TOKEN
from services.token.rows.clients import FOLD as CLIENT
from services.token.rows.resource_servers import FOLD as RESOURCE_SERVER
from services.token.rules.client import Client, State
from services.token.rules.resource_server import ResourceServer
from services.token.rules.resource_server import State as ApiState

Shown = dict[str, Any] | None


@dataclass(frozen=True)
class Kind:
    """One kind of thing.

    `shown` is its state as JSON can say it, `None` where it is not there.
    """

    catalogue: Catalogue
    fold: FoldCheck[Any]
    shown: Callable[[Any], Shown]
    is_tenant: bool = False
    """Whether it is a tenant itself, and so in no other."""


@dataclass(frozen=True)
class Thing:
    """One thing: of which kind, where, and called what."""

    name: str
    kind: Kind
    tenant: str
    id: str

    @property
    def service(self) -> str:
        """The service that remembers it."""
        return self.kind.catalogue.service

    @property
    def stream(self) -> str:
        """The stream that is its memory."""
        return f"{self.kind.fold.streams}{self.id}"

    def __str__(self) -> str:
        """How a sentence calls it."""
        where = "" if self.kind.is_tenant else f" of tenant {self.tenant}"
        return ascii(f"{self.name} {self.id}{where}")[1:-1]


def thing(given: argparse.Namespace) -> Thing:
    """What a command line asks about."""
    kind = KINDS[given.kind]
    return Thing(given.kind, kind, given.id if kind.is_tenant else given.tenant, given.id)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that name a thing."""
    parser.add_argument("kind", choices=KINDS, help="an application, an API or a tenant")
    parser.add_argument("id", metavar="ID", help="its client_id, the id of the API, or the tenant's name")
    parser.add_argument("--tenant", default="default", help="whose application or API (default)")


def _client(state: State) -> Shown:
    if not isinstance(state, Client):
        return None
    return {
        "client_id": state.client_id,
        "properties": state.properties,
        "secrets": [{"secret_id": each, "expires_at": ends} for each, ends in state.secrets.items()],
        "credentials": _listed("credential_id", state.credentials),
        "client_grants": _listed("grant_id", state.grants),
    }


def _listed(name: str, entries: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{name: each, **msgspec.to_builtins(value)} for each, value in entries.items()]


def _api(state: ApiState) -> Shown:
    return msgspec.to_builtins(state) if isinstance(state, ResourceServer) else None


def _tenant(entry: Entry) -> Shown:
    # Parts that are prepared are a set: in one order, so that two looks at one state are equal.
    return None if entry.tenant is None else msgspec.to_builtins(entry.tenant, order="deterministic")


KINDS: Final[Mapping[str, Kind]] = {
    "client": Kind(OF_TOKEN, CLIENT, _client),
    "api": Kind(OF_TOKEN, RESOURCE_SERVER, _api),
    "tenant": Kind(OF_TENANTS, TENANT, _tenant, is_tenant=True),
}
"""By the word of the command line."""
