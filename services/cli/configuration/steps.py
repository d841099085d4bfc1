"""Owns the order of changes: nothing is named before it is there, nothing goes while it is named. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from services.cli.configuration.difference import Change, Create, Delete, Update
from services.cli.configuration.sections import CLIENTS, ENABLED, GRANTS, SECTIONS, TENANT

ALGORITHMS: Final = "allowed_signing_algs"

_MADE: Final = (*(name for name in SECTIONS if name != TENANT.name), TENANT.name)
_DELETED: Final = tuple(reversed(_MADE))


def ordered(changes: Iterable[Change]) -> list[Change]:
    """The changes as they are made, one after the other.

    Algorithms that are newly allowed come first, because an API may name them only then; those that are no longer
    allowed go last.
    """
    early, rest = _algorithms_first(list(changes))
    made = [each for each in rest if not isinstance(each, Delete)]
    deleted = [each for each in rest if isinstance(each, Delete)]
    made.sort(key=lambda each: _MADE.index(each.section.name))
    deleted.sort(key=lambda each: _DELETED.index(each.section.name))
    grants = [each for each in deleted if each.section is GRANTS]
    return [*early, *grants, *made, *(each for each in deleted if each.section is not GRANTS)]


def uninvited(made: Iterable[Change], left: Iterable[Change]) -> list[Change]:
    """Of what is left, what says where new applications are: each was let into every connection by itself meanwhile."""
    new = {each.key[0] for each in made if isinstance(each, Create) and each.section is CLIENTS}
    return [each for each in left if isinstance(each, Update) and each.body.keys() == {ENABLED} and _moves(each) <= new]


def _moves(change: Update) -> set[str]:
    return {*change.before.get(ENABLED, ())} ^ {*change.body[ENABLED]}


def _algorithms_first(changes: list[Change]) -> tuple[list[Change], list[Change]]:
    early: list[Change] = []
    rest: list[Change] = []
    for change in changes:
        if isinstance(change, Update) and change.section is TENANT and change.body.get(ALGORITHMS):
            first, last = _parted(change)
            early += first
            rest += last
        else:
            rest.append(change)
    return early, rest


def _parted(change: Update) -> tuple[list[Change], list[Change]]:
    """What allows more, and what remains of the change."""
    before, wanted = change.before.get(ALGORITHMS, []), change.body[ALGORITHMS]
    new = [each for each in wanted if each not in before]
    if not new:
        return [], [change]
    both = [*wanted, *(each for each in before if each not in wanted)]
    body = change.body if both != wanted else {k: v for k, v in change.body.items() if k != ALGORITHMS}
    return [replace(change, body={ALGORITHMS: both})], [replace(change, body=body)] if body else []
