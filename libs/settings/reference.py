"""Owns the description of settings for the generated reference page, read from the class's own source."""

import ast
import dataclasses
import inspect
import textwrap
from datetime import timedelta
from typing import NamedTuple

from libs.settings.loading import variable
from libs.settings.secret import Secret
from libs.settings.values import UNITS


class Described(NamedTuple):
    """One setting as the reference page shows it; `default` is None where the operator must say."""

    name: str
    env: str
    type: str
    default: str | None
    doc: str


def described(cls: type) -> list[Described]:
    """Every field of a Settings class, in the order of its source."""
    body = _body(cls)
    fields = dataclasses.fields(cls)
    return [
        Described(field.name, variable(field.name), ast.unparse(body[field.name].annotation), _default(field), doc)
        for field in fields
        if (doc := _doc(cls, body[field.name])) is not None
    ]


def _body(cls: type) -> dict[str, ast.AnnAssign]:
    return {
        node.target.id: node
        for node in _tree(cls).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _tree(cls: type) -> ast.ClassDef:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    return node


def _doc(cls: type, field: ast.AnnAssign) -> str:
    """The string literal under a field; the lines between are its own."""
    nodes = _tree(cls).body
    follows = nodes[[ast.dump(node) for node in nodes].index(ast.dump(field)) + 1 :][:1]
    for node in follows:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return inspect.cleandoc(node.value.value)
    return ""


def _default(field: "dataclasses.Field[object]") -> str | None:
    if field.default is not dataclasses.MISSING:
        return _shown(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return _shown(field.default_factory())
    return None


def _shown(value: object) -> str:
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    return "" if value is None else str(value)


def _duration(span: timedelta) -> str:
    """In the largest unit that divides it: 600 seconds are `10m`."""
    for unit in ("d", "h", "m", "s"):
        if span and not span % timedelta(seconds=UNITS[unit]):
            return f"{span // timedelta(seconds=UNITS[unit])}{unit}"
    return f"{span.total_seconds():g}"
