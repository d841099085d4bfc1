"""Owns what is there: the answers of the Management API as entries of a file, with the ids that a file does not hold.

The system API and the application that asks are not part of it, nor are that application's grants: what configures a
tenant does not configure itself away.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.cli.configuration.management import Management, Refusal
from services.cli.configuration.section import Configuration, Entries, Key, Section, shown_name
from services.cli.configuration.sections import APIS, CLIENTS, DATABASES, ENABLED, GRANTS, SECTIONS
from services.cli.errors import Refused

Listed = Mapping[str, list[dict[str, Any]]]
"""The objects of each section, as the API tells them."""


@dataclass(frozen=True, kw_only=True)
class Present:
    """A tenant as it is."""

    configuration: Configuration
    ids: dict[tuple[str, Key], str]
    """The id in a path, by section and key."""
    own_name: str
    """The name of the application that asks."""
    system: frozenset[str]
    """Identifiers of APIs that are Limen's own."""
    ambiguous: dict[str, list[str]]
    """The ids of applications of one name, by name; they are in no entry."""
    keyed: tuple[str, ...]
    """Names of applications that prove themselves with keys, which a file does not hold."""

    def ambiguity(self, name: str) -> str:
        """What to say of a name that several applications have."""
        return f"{shown_name(name)!r} is the name of several applications: {', '.join(self.ambiguous[name])}"


async def asked(management: Management, own_id: str, names: Iterable[str] = SECTIONS) -> Present:
    """Read the tenant, as far as these sections and what they name: nothing else needs a scope.

    Raises:
        Refused: the API refuses to tell.
        Unavailable: it does not answer.
    """
    try:
        return of({name: await _listed(management, SECTIONS[name]) for name in _with_named(names)}, own_id)
    except Refusal as error:
        raise Refused(f"{management.issuer} does not tell its configuration: {error}.") from error


def _with_named(names: Iterable[str]) -> list[str]:
    wanted = {each for name in names for each in (name, *SECTIONS[name].named)}
    return [name for name in SECTIONS if name in wanted]


async def _listed(management: Management, section: Section) -> list[dict[str, Any]]:
    items = await management.all(section)
    return [await _connection(management, each) for each in items] if section is DATABASES else items


async def _connection(management: Management, members: dict[str, Any]) -> dict[str, Any]:
    """A connection with every application that may use it: the list has but the first ones."""
    if "options" not in members:
        raise Refused(
            f"{management.issuer} does not tell the options of connections: read:connections_options is missing."
        )
    path = f"{DATABASES.path}/{quote(members['id'], safe='')}/clients"
    clients = await management.checkpoints(path, "clients")
    return {**members, ENABLED: [each["client_id"] for each in clients]}


def of(listed: Listed, own_id: str) -> Present:
    """The tenant that answers so."""
    listed = {**{name: [] for name in SECTIONS}, **listed}
    clients = [each for each in listed[CLIENTS.name] if each["client_id"] != own_id]
    ambiguous = _ambiguous(clients)
    clients = [each for each in clients if each["name"] not in ambiguous]
    names = {each["client_id"]: each["name"] for each in clients}
    told = {
        **listed,
        APIS.name: [each for each in listed[APIS.name] if not each.get("is_system")],
        CLIENTS.name: clients,
        GRANTS.name: [
            {**each, "client_id": names[each["client_id"]]}
            for each in listed[GRANTS.name]
            if each["client_id"] in names
        ],
        DATABASES.name: [
            {**each, ENABLED: sorted(names[client_id] for client_id in each[ENABLED] if client_id in names)}
            for each in listed[DATABASES.name]
        ],
    }
    return Present(
        configuration={name: _entries(SECTIONS[name], told[name]) for name in SECTIONS},
        ids=_ids(told),
        own_name=next((each["name"] for each in listed[CLIENTS.name] if each["client_id"] == own_id), ""),
        system=frozenset(each["identifier"] for each in listed[APIS.name] if each.get("is_system")),
        ambiguous=ambiguous,
        keyed=tuple(sorted(each["name"] for each in clients if each.get("client_authentication_methods"))),
    )


def _ambiguous(clients: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for each in clients:
        by_name[each["name"]].append(each["client_id"])
    return {name: sorted(ids) for name, ids in by_name.items() if len(ids) > 1}


def _entries(section: Section, listed: Iterable[Mapping[str, Any]]) -> Entries:
    return {section.key_of(each): _of_a_file(section, each) for each in listed}


def _of_a_file(section: Section, members: Mapping[str, Any]) -> dict[str, Any]:
    """What a file may say of it, in the order of the description."""
    told = {**section.defaults, **members} if section.is_sparse else members
    return {name: told[name] for name in section.writable if told.get(name) is not None}


def _ids(told: Listed) -> dict[tuple[str, Key], str]:
    return {
        (name, section.key_of(each)): each[section.id_member]
        for name, section in SECTIONS.items()
        for each in told[name]
        if not section.is_single
    }
