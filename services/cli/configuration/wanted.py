"""Owns what a file asks for: every section and property is checked before anything is done.

The checks are those of the Management API itself, so that a file is refused whole rather than carried out by half.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from libs.edge.management_errors import ManagementError
from libs.edge.validation import violation
from services.cli.configuration.anyway import is_so_anyway
from services.cli.configuration.section import Configuration, Entries, Section, shown_name
from services.cli.configuration.sections import SECTIONS
from services.cli.errors import USAGE, Refused
from services.tenants.rules.settings import LIFETIMES

MOST_SHOWN: Final = 20

GROUPS: Final = {
    group: [name.removeprefix(f"{group}.") for name in SECTIONS if name.startswith(f"{group}.")]
    for group in dict.fromkeys(name.rpartition(".")[0] for name in SECTIONS)
    if group
}
"""Keys of a file whose members are sections, with those."""


@dataclass
class Findings:
    """What is wrong with a file, and what was passed over."""

    ignores_unknown: bool
    problems: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def unknown(self, what: str) -> None:
        """Note something that does not exist here."""
        (self.ignored if self.ignores_unknown else self.problems).append(what)


def configuration(members: Mapping[str, Any], *, ignores_unknown: bool = False) -> tuple[Configuration, list[str]]:
    """What a file asks for, and what of it was passed over because it does not exist here.

    Raises:
        Refused: names everything that is wrong, a line each.
    """
    findings = Findings(ignores_unknown)
    spoken = _by_section(members, findings)
    for name in spoken.keys() - SECTIONS.keys():
        if spoken[name] and not is_so_anyway(name, spoken[name]):
            findings.unknown(_no_section(name))
    found = {name: _entries(SECTIONS[name], spoken[name], findings) for name in SECTIONS if name in spoken}
    if findings.problems:
        raise Refused(_told(sorted(findings.problems)), USAGE)
    return found, sorted(findings.ignored)


def _by_section(members: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """What is said, by the names of sections; a section may be a member of a member."""
    spoken: dict[str, Any] = {}
    for name, value in members.items():
        if name in GROUPS and isinstance(value, dict):
            spoken |= {f"{name}.{member}": each for member, each in value.items()}
        elif name in GROUPS and value:
            findings.problems.append(f"{name}: must be a mapping")
        elif "." in name:
            findings.unknown(_no_section(name))
        elif name not in GROUPS:
            spoken[name] = value
    return {name: value for name, value in spoken.items() if value is not None}


def _no_section(name: str) -> str:
    there = [each for each in SECTIONS if "." not in each]
    within = [f"{group} ({', '.join(members)})" for group, members in GROUPS.items()]
    return f"{shown_name(name)}: no such section; there are {', '.join([*there, *within])}"


def _told(problems: list[str]) -> str:
    more = [f"and {len(problems) - MOST_SHOWN} more"] if len(problems) > MOST_SHOWN else []
    return "\n  ".join(["the file is refused:", *problems[:MOST_SHOWN], *more])


def _entries(section: Section, value: Any, findings: Findings) -> Entries:
    entries: Entries = {}
    for place, each in _objects(section, value, findings):
        properties = _properties(section, each, place, findings)
        if properties is None:
            continue
        key = section.key_of(properties)
        if key in entries:
            findings.problems.append(f"{section.name}: two for {section.label(key)}")
        entries[key] = properties
    return entries


def _objects(section: Section, value: Any, findings: Findings) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = [value] if section.is_single else value
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        findings.problems.append(
            f"{section.name}: must be {'a mapping' if section.is_single else 'a list of mappings'}"
        )
        return
    for index, each in enumerate(listed):
        yield _place(section, index, each), each


def _place(section: Section, index: int, members: Mapping[str, Any]) -> str:
    names = [members.get(name) for name in section.keys]
    told = " → ".join(shown_name(each) if isinstance(each, str) else "?" for each in names)
    return section.name if section.is_single else f"{section.name}[{index}] ({told})"


def _properties(section: Section, members: Mapping[str, Any], place: str, findings: Findings) -> dict[str, Any] | None:
    """An object's properties, or `None` when it has no key."""
    if missing := [name for name in section.keys if not isinstance(members.get(name), str) or not members[name]]:
        findings.problems.append(f"{place}: {missing[0]} is missing")
        return None
    properties = _in_hours(members) if section.is_single else dict(members)
    # Of a grant, `client_id` holds the application's name; everything else that is ours alone has no effect.
    known = {name: value for name, value in properties.items() if name not in section.unwritable - set(section.keys)}
    kept = {name: value for name, value in known.items() if _is_known(section, name, value, place, findings)}
    findings.problems += [f"{place}: {what}" for what in _violations(section, kept)]
    return kept


def _is_known(section: Section, name: str, value: Any, place: str, findings: Findings) -> bool:
    if name in section.left_out:
        if value:
            findings.unknown(f"{place}: {name}: {section.left_out[name]}")
        return False
    if name not in section.writable:
        findings.unknown(f"{place}: {shown_name(name)}: no such property")
        return False
    return True


def _violations(section: Section, properties: dict[str, Any]) -> Iterator[str]:
    """What is wrong with each property; the further checks rely on their shapes."""
    found = [f"{name}: {what}" for name, value in properties.items() if (what := _violation(section, name, value))]
    yield from found or _further(section, properties)


def _violation(section: Section, name: str, value: Any) -> str | None:
    described = section.writable[name]
    kind = section.kinds.get(name, described.kind)
    return None if value is None and described.is_nullable else violation(kind, value)


def _further(section: Section, properties: dict[str, Any]) -> Iterator[str]:
    """What the shape alone does not tell."""
    for name, is_promise in section.promises.items():
        if properties.get(name) is not None and is_promise(properties[name]):
            yield f"{name}: this value is not supported"
    for check in section.checks:
        try:
            check(properties)
        except ManagementError as error:
            yield error.message


def _in_hours(members: Mapping[str, Any]) -> dict[str, Any]:
    hours = dict(members)
    for name in LIFETIMES:
        minutes = hours.get(f"{name}_in_minutes")
        if isinstance(minutes, int) and not isinstance(minutes, bool):
            hours[name] = hours.pop(f"{name}_in_minutes") / 60
    return hours
