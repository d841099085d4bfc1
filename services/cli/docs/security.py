"""Owns the page of the security checklist: which lines a test shows to hold, and what the others wait for.

The lines are data in `docs/reference/security-lines.json`; the tests name them by `@pytest.mark.security("TE-01")`.
"""

import ast
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.cli.docs import markdown
from services.cli.docs.markdown import cell, table
from services.cli.docs.sources import ROOT, modules

LINES: Final = ROOT / "docs" / "reference" / "security-lines.json"

INTRODUCTION: Final = """\
What must hold, line by line, and the tests that show it; a selection, not a limit.
A line is *tested* when a test bears its id; a tested line may still grow with what is built next.
A line *waits* when what it is about does not exist yet, and says for what."""


class UnknownLine(ValueError):
    """A test names a line that is not in the list."""


def page() -> str:
    """The page."""
    data = json.loads(LINES.read_text(encoding="utf-8"))
    tests = tests_by_line()
    if unknown := tests.keys() - {each["id"] for each in data["lines"]}:
        raise UnknownLine(", ".join(sorted(unknown)))
    sections = [_section(family, title, data, tests) for family, title in data["families"].items()]
    return markdown.page("Security checklist", INTRODUCTION, _sum(data["lines"], tests), *sections)


def tests_by_line() -> dict[str, list[str]]:
    """The tests that bear each line's id, as `path::name`."""
    found = defaultdict(set)
    for module, tree in modules("tests"):
        for test, line in _marks(tree):
            found[line].add(f"{module.replace('.', '/')}.py::{test}")
    return {line: sorted(tests) for line, tests in found.items()}


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Pairs of a test, or of the file for a mark on all of its tests or on a row of parameters, and a line."""
    for owner in ast.walk(tree):
        if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from ((owner.name, line) for each in owner.decorator_list for line in _lines_in(each))
        elif isinstance(owner, ast.Assign):
            yield from (("*", line) for line in _lines_in(owner.value))


def _lines_in(node: ast.expr) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.security":
            yield from (str(ast.literal_eval(argument)) for argument in each.args)


def _sum(lines: list[dict[str, str]], tests: Mapping[str, list[str]]) -> str:
    tested = sum(each["id"] in tests for each in lines)
    return f"{tested} of {len(lines)} lines are tested, {len(lines) - tested} wait."


def _section(family: str, title: str, data: Any, tests: Mapping[str, list[str]]) -> str:
    own = [each for each in data["lines"] if each["id"].partition("-")[0] == family]
    rows = [
        (each["id"], each["level"], cell(each["says"]), _state(each, tests.get(each["id"], []), data["waits"]))
        for each in own
    ]
    return f"## {family}: {title}\n\n{table(('id', 'level', 'what holds', 'shown by'), rows)}"


def _state(line: Mapping[str, str], tests: list[str], waits: Mapping[str, str]) -> str:
    """The tests by file, with their number where there are several; or what the line waits for."""
    if not tests:
        reason = waits.get(line["id"]) or waits.get(line["id"].partition("-")[0], "a test")
        return f"*waits for {cell(reason)}*"
    files: dict[str, list[str]] = defaultdict(list)
    for path, _, name in (each.partition("::") for each in tests):
        files[path].append(name)
    return "; ".join(f"[{path.removeprefix('tests/')}](../../{path}) ({len(names)})" for path, names in files.items())
