"""Owns the shapes of the page: what was asked, and tables in Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    """A line of what is asked."""

    what: str
    measured: str
    aim: str
    is_reached: bool


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: bool = True) -> str:
    """A table in Markdown; all but the first column are numbers when `right`."""
    rule = ["---", *(["---:" if right else "---"] * (len(heads) - 1))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, rule, *rows))
