"""Owns what a check says: one finding, its standing, and what the operator should know."""

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How bad it is: a warning needs no hurry, a failure does."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line of the report: about `what`, `says` in a sentence."""

    standing: Standing
    what: str
    says: str


def ok(what: str, says: str) -> Finding:
    """All is well."""
    return Finding(Standing.OK, what, says)


def warn(what: str, says: str) -> Finding:
    """It works, and will not for ever."""
    return Finding(Standing.WARN, what, says)


def fail(what: str, says: str) -> Finding:
    """It does not work, or soon loses something."""
    return Finding(Standing.FAIL, what, says)
