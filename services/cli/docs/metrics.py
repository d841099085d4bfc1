"""Owns the page of metrics: every counter, gauge and histogram that is made anywhere, found in the source."""

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from services.cli.docs import markdown
from services.cli.docs.markdown import cell, code, table
from services.cli.docs.sources import calls, modules

INTRODUCTION: Final = """\
Each process serves them at `/metrics` on its admin port, in Prometheus' text format.
Label values come from the code alone; what a stranger sends is counted as `other`.
Beside these there are `process_*` and `python_*`."""

KINDS: Final = ("Counter", "Gauge", "Histogram")


class Metric(NamedTuple):
    """One row of the page."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def page() -> str:
    """The page."""
    rows = [(code(each.name), each.kind, ", ".join(map(code, each.labels)), cell(each.meaning)) for each in found()]
    return markdown.page("Metrics", INTRODUCTION, table(("metric", "kind", "labels", "meaning"), sorted(rows)))


def found() -> Iterator[Metric]:
    """Every metric that the code makes."""
    for name, tree in modules("libs", "services"):
        if name != "libs.telemetry.metrics":
            yield from map(_metric, (call for call in calls(tree, *KINDS) if len(call.args) > 1))


def _metric(call: ast.Call) -> Metric:
    kind = ast.unparse(call.func).partition("[")[0]
    name = _text(call.args[0])
    ending = "_total" if kind == "Counter" and not name.endswith("_total") else ""
    return Metric(name + ending, kind.lower(), tuple(_labels(call)), _text(call.args[1]))


def _labels(call: ast.Call) -> Iterator[str]:
    if len(call.args) > 2 and isinstance(call.args[2], ast.List):  # noqa: PLR2004 - name, meaning, labels
        yield from map(_text, call.args[2].elts)
    yield from (each.arg for each in call.keywords if each.arg and each.arg != "buckets")


def _text(node: ast.expr) -> str:
    """A literal; what an f-string fills in is shown in angle brackets."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else _hole(part) for part in parts)


def _hole(part: ast.expr) -> str:
    return f"<{ast.unparse(part.value)}>" if isinstance(part, ast.FormattedValue) else f"<{ast.unparse(part)}>"
