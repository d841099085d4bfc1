"""Owns the markers of a file that stand for the environment: `##NAME##` for a text, `@@NAME@@` for a JSON value.

They are Auth0's tool's: one file serves several tenants. They are replaced before the file is read, because neither is
YAML by itself. Nothing of Limen's own environment can be named, so that no file carries a credential into a tenant.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from services.cli.errors import USAGE, Refused

MARKER: Final = re.compile(r"##([A-Z][A-Z0-9_]*)##|@@([A-Z][A-Z0-9_]*)@@")
OURS: Final = "LIMEN_"


def replaced(text: str, environ: Mapping[str, str]) -> str:
    """`text` with every marker replaced.

    Raises:
        Refused: a name is not set, is Limen's own, or does not fit on a line.
    """
    return MARKER.sub(lambda found: _value(found, environ), text)


def escaped(text: str) -> str:
    """YAML in which no marker stands: whoever may name an application must not make an export ask our environment.

    Every marker of `text` must be inside double quotes.
    """
    while found := MARKER.search(text):
        start = found.start()
        text = f"{text[:start]}\\x{ord(text[start]):02x}{text[start + 1 :]}"
    return text


def _value(found: re.Match[str], environ: Mapping[str, str]) -> str:
    name = found[1] or found[2]
    if name.startswith(OURS):
        raise Refused(f"{found[0]}: a file cannot name Limen's own settings.", USAGE)
    if name not in environ:
        raise Refused(f"{found[0]}: {name} is not set in the environment.", USAGE)
    return _as_json(environ[name]) if found[2] else _as_text(name, environ[name])


def _as_json(value: str) -> str:
    """A value that is JSON as it is, any other as a JSON string."""
    try:
        return json.dumps(json.loads(value))
    except ValueError:
        return json.dumps(value)


def _as_text(name: str, value: str) -> str:
    if not value.isprintable():
        raise Refused(f"##{name}##: its value has a line end or a control character; @@{name}@@ can hold it.", USAGE)
    return value
