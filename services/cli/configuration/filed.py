"""Owns a tenant as the members of a file: its objects are sorted by name, so that two exports can be compared. Pure."""

from typing import Any

from services.cli.configuration.present import Present
from services.cli.configuration.sections import SECTIONS
from services.cli.errors import Refused


def filed(present: Present) -> dict[str, Any]:
    """The members, in their order.

    Raises:
        Refused: two applications have one name, by which a file would know them.
    """
    for name in present.ambiguous:
        raise Refused(f"{present.ambiguity(name)}; a file knows them by name.")
    members: dict[str, Any] = {}
    for name in SECTIONS:
        group, _, member = name.rpartition(".")
        (members.setdefault(group, {}) if group else members)[member] = _section(present, name)
    return members


def _section(present: Present, name: str) -> Any:
    entries = present.configuration[name]
    if SECTIONS[name].is_single:
        return entries[()]
    return [entries[key] for key in sorted(entries)]
