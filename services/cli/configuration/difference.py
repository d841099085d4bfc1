"""Owns what differs between what is wanted and what is there, as changes with the body of the request that makes them.

A property that the file does not name stays as it is; `null` in the file is its default. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.cli.configuration import own
from services.cli.configuration.laying import others
from services.cli.configuration.present import Present
from services.cli.configuration.section import Configuration, Entries, Key, Section, shown_name
from services.cli.configuration.sections import APIS, CLIENTS, DATABASES, ENABLED, GRANTS, SECTIONS
from services.cli.errors import Refused


@dataclass(frozen=True, kw_only=True)
class Create:
    """An object that is not there."""

    section: Section
    key: Key
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Update:
    """An object that is otherwise."""

    section: Section
    key: Key
    body: dict[str, Any]
    before: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Delete:
    """An object that the file does not name."""

    section: Section
    key: Key


Change = Create | Update | Delete

_SAME: Final = object()


def changes(wanted: Configuration, present: Present, *, deletes: bool) -> list[Change]:
    """Everything to do, by sections.

    Raises:
        Refused: the file names what it must not, or what nobody can tell apart.
    """
    _require_possible(wanted, present, deletes=deletes)
    wanted = own.where_it_is(wanted, present.own_name)
    return [
        change
        for name, entries in wanted.items()
        for change in _of_section(SECTIONS[name], entries, present.configuration.get(name, {}), deletes=deletes)
    ]


def _of_section(section: Section, wanted: Entries, there: Entries, *, deletes: bool) -> Iterator[Change]:
    for key, properties in wanted.items():
        if key not in there:
            yield Create(section=section, key=key, body={**section.given, **_without_nulls(properties)})
        elif body := _body(section, key, properties, there[key], deletes=deletes):
            yield Update(section=section, key=key, body=body, before=there[key])
    if deletes and not section.is_single:
        yield from (Delete(section=section, key=key) for key in there if key not in wanted)


def _body(
    section: Section, key: Key, wanted: Mapping[str, Any], there: Mapping[str, Any], *, deletes: bool
) -> dict[str, Any]:
    """What a PATCH has to say; nothing when all is as wanted."""
    body = {}
    for name, value in wanted.items():
        removes = deletes and name in section.open_members
        sent = _sent(section, name, value, there, removes=removes)
        if sent is _SAME:
            continue
        if section.writable[name].is_immutable:
            raise Refused(f"{section.label(key)}: {name} cannot be changed; delete it and create it anew.")
        body[name] = sent
    return body


def _sent(section: Section, name: str, value: Any, there: Mapping[str, Any], *, removes: bool) -> Any:
    now = there.get(name)
    if value is None:
        return _SAME if now is None or now == section.default(name, there) else None
    if name in section.unordered and isinstance(now, list):
        return _SAME if sorted(now) == sorted(value) else value
    if name not in section.memberwise or not isinstance(now, dict):
        return _SAME if now == value else value
    members = others(now, value, is_deep=name in section.memberwise_deep)
    if removes:
        members |= dict.fromkeys(now.keys() - value.keys())
    if not members:
        return _SAME
    return {**now, **members} if name in section.sent_whole else members


def _without_nulls(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What a new object is given: a removed property, or member of one, is one that is not said."""
    return {
        name: {member: each for member, each in value.items() if each is not None} if isinstance(value, dict) else value
        for name, value in properties.items()
        if value is not None
    }


def _require_possible(wanted: Configuration, present: Present, *, deletes: bool) -> None:
    names = own.named(wanted)
    if present.own_name in names:
        raise Refused(f"{present.own_name!r} is the application this command speaks with; a file cannot hold it.")
    speaks_of_clients = not wanted.keys().isdisjoint(own.OF_APPLICATIONS)
    for name in present.ambiguous:
        if name in names | _let_in(wanted) or (deletes and speaks_of_clients):
            raise Refused(f"{present.ambiguity(name)}; rename or delete all but one.")
    for identifier in present.system & {key[0] for key in wanted.get(APIS.name, {})}:
        raise Refused(f"{identifier} is the Management API itself; a file cannot hold it.")
    _require_named(wanted, present)


def _let_in(wanted: Configuration) -> set[str]:
    return {name for each in wanted.get(DATABASES.name, {}).values() for name in each.get(ENABLED, ())}


def _require_named(wanted: Configuration, present: Present) -> None:
    """Whatever applications and APIs are named are there or will be."""
    clients = present.configuration[CLIENTS.name].keys() | wanted.get(CLIENTS.name, {}).keys()
    apis = present.configuration[APIS.name].keys() | wanted.get(APIS.name, {}).keys()
    known = {key[0] for key in apis} | present.system
    for key, each in wanted.get(DATABASES.name, {}).items():
        for name in each.get(ENABLED, ()):
            if (name,) not in clients and name != present.own_name:
                label = f"{DATABASES.label(key)}: {ENABLED}: {shown_name(name)}"
                raise Refused(f"{label}: there is no such application, neither in the file nor in the tenant.")
    for key in wanted.get(GRANTS.name, {}):
        label = GRANTS.label(key)
        if key[:1] not in clients:
            raise Refused(f"{label}: there is no such application, neither in the file nor in the tenant.")
        if key[1] not in known:
            raise Refused(f"{label}: there is no such API, neither in the file nor in the tenant.")
