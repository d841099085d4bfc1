"""Owns the page of settings: every service's `Settings`, field by field."""

import dataclasses
from types import ModuleType
from typing import Final

from libs.settings import Described, described
from libs.settings.loading import OWN
from services.cli import serve
from services.cli.docs import markdown
from services.cli.docs.markdown import cell, code, table
from services.cli.docs.sources import SERVICES, imported

INTRODUCTION: Final = """\
Every setting is an environment variable.
A secret may also be in the file that `<NAME>_FILE` names.
An empty variable counts as absent, and a wrong one ends the start with one line and exit code 2.
Durations are seconds, or `90d`, `24h`, `5m`, `10s`, `250ms`: a `Span` is longer than nothing, a `Pause` may be nothing.
A `Count` is a whole number of at least 1, a `Size` a number of bytes, a `Port` is from 0 to 65535.
`Authorities` are a PEM file of certificates.
`limen up` sets the addresses itself and hands everything else on to the services."""

UP: Final = (
    ("LIMEN_DATA_DIR", ".limen", "Everything one stack keeps: databases, streams, keys, logs, passwords."),
    ("LIMEN_PORT", "8080, with `--tls` 8443", "The one public port."),
    ("LIMEN_HOST", "127.0.0.1,::1", "Where the public port is opened, separated by commas."),
    ("LIMEN_POSTGRES_URL", "an embedded server", "The operator's address of an external Postgres."),
    ("LIMEN_NATS_URL", "an embedded server", "The address of an external NATS."),
)
"""What `limen up` reads itself, before there is any service."""


def _sections() -> list[str]:
    up = table(("variable", "default", "meaning"), [(code(name), value, text) for name, value, text in UP])
    sections = [f"## `limen up`\n\n{up}", f"## Every process\n\n{_table(serve.Process, '')}"]
    for service in SERVICES:
        if (module := imported(f"services.{service}.config")) is not None:
            tables = "\n\n".join(_table(each, service) for each in _classes(module))
            sections.append(f"## `{service}`\n\n{tables}")
    return sections


def page() -> str:
    """The page."""
    return markdown.page("Settings", INTRODUCTION, *_sections())


def _classes(module: ModuleType) -> list[type]:
    found = [each for each in vars(module).values() if isinstance(each, type) and dataclasses.is_dataclass(each)]
    return [each for each in found if each.__module__ == module.__name__]


def _table(cls: type, service: str) -> str:
    head = ("variable", "type", "default", "meaning")
    return table(head, [_row(each, service) for each in described(cls)])


def _row(setting: Described, service: str) -> tuple[str, str, str, str]:
    name = code(setting.env)
    if setting.name in OWN and service:
        name = f"{code(setting.env.replace('LIMEN_', f'LIMEN_{service.upper()}_'))}, else {name}"
    default = "**required**" if setting.default is None else code(setting.default) or "none"
    return name, code(setting.type), default, cell(setting.doc)
