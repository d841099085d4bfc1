"""Owns the way from the environment to a service's Settings."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from libs.settings.addresses import SCHEMES, require_address
from libs.settings.secret import Secret
from libs.settings.values import read

S = TypeVar("S")

PREFIX = "LIMEN_"

OWN = frozenset(SCHEMES)
"""Fields for which `LIMEN_<SERVICE>_<NAME>` goes before `LIMEN_<NAME>`: services have users of their own."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line an operator can act on, and shows no secret."""


def load(cls: type[S], environ: Mapping[str, str], *, service: str | None = None) -> S:
    """Read `cls`, a frozen dataclass, from `environ`; raises SettingsError.

    The field `jwks_max_age` is `LIMEN_JWKS_MAX_AGE`; a Secret may also come from the file that
    `LIMEN_<NAME>_FILE` names. An empty variable counts as absent. `service` is by default the package the class is in.
    """
    service = service or _service_of(cls)
    hints = get_type_hints(cls, include_extras=True)
    given: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        found = _found(field.name, hints[field.name], environ, service)
        if found is not None:
            given[field.name] = _value(field.name, *found, hints[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise SettingsError(f"{variable(field.name)} is not set, and it has no default.")
    return _made(cls, given)


def variable(name: str, service: str = "") -> str:
    """The variable of a field: `jwks_max_age` is `LIMEN_JWKS_MAX_AGE`."""
    return f"{PREFIX}{service}_{name}".upper() if service else f"{PREFIX}{name}".upper()


def holds_secret(kind: Any) -> bool:
    """Whether a field's type is Secret, or may be."""
    return kind is Secret or Secret in get_args(kind)


def _service_of(cls: type) -> str:
    """`services.token.config` is the service `token`."""
    parts = cls.__module__.split(".")
    return parts[1] if parts[0] == "services" and len(parts) > 1 else ""


def _found(name: str, kind: Any, environ: Mapping[str, str], service: str) -> tuple[str, str] | None:
    """The variable that decides a field, and its text."""
    names = [variable(name, service)] if service and name in OWN else []
    for each in [*names, variable(name)]:
        if holds_secret(kind) and environ.get(f"{each}_FILE"):
            return f"{each}_FILE", _from_file(each, environ)
        if environ.get(each):
            return each, environ[each]
    return None


def _from_file(name: str, environ: Mapping[str, str]) -> str:
    if environ.get(name):
        raise SettingsError(f"{name} and {name}_FILE are both set: leave one of them out.")
    try:
        return Path(environ[f"{name}_FILE"]).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE cannot be read: {error}") from error


def _value(field: str, name: str, text: str, kind: Any) -> Any:
    try:
        if field in OWN:
            require_address(text, SCHEMES[field])
        return read(kind, text)
    except ValueError as error:
        shown = "" if holds_secret(kind) else f", not {text[:80]!r}"
        raise SettingsError(f"{name} must be {error}{shown}.") from error


def _made(cls: type[S], given: dict[str, Any]) -> S:
    """Settings that contradict each other say so in their `__post_init__` by a ValueError."""
    try:
        return cls(**given)
    except ValueError as error:
        raise SettingsError(str(error)) from error
