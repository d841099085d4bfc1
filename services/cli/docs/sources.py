"""Owns where the generators look: the services, and the modules below a package, imported or parsed."""

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

ROOT: Final = Path(__file__).parents[3]

SERVICES: Final = ("gateway", "tenants", "token", "login", "connections", "key_rotation", "audit")
"""In the order of a tour."""


def imported(name: str) -> ModuleType | None:
    """A module, or nothing where a service has no such room."""
    return import_module(name) if find_spec(name) else None


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Every module below the folders of this project, by its name and as a tree."""
    for path in sorted(each for folder in folders for each in (ROOT / folder).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module, *functions: str) -> Iterator[ast.Call]:
    """Every call of one of `functions`, by the name it is called by."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) in functions:
            yield node


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Subscript):
        return _called(function.value)
    return function.id if isinstance(function, ast.Name) else ""
