"""Owns how a page looks: its head, its tables, a sentence in a table's cell."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

NOTE: Final = "<!-- Generated from the code by `make docs`; edit the code. -->"


def page(title: str, *parts: str) -> str:
    """A page: its title, the note that nobody should edit it, and its parts with an empty line between them."""
    return "\n\n".join([NOTE, f"# {title}", *(part for part in parts if part)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what a cell holds must already be Markdown of one line."""
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Prose in one line that cannot end its cell."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def code(text: str) -> str:
    """Code in a cell; nothing for nothing."""
    return f"`{cell(text)}`" if text else ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
