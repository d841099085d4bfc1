"""Owns the reading of addresses that are in files: `LIMEN_POSTGRES_URL_FILE` and the like, for every verb alike.

A service reads such a file by itself; the verbs compare addresses with those of a stack and hand them on as plain text.
It is done here once more because `limen up`, which stays as long as the stack, does without `libs.settings`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.cli.errors import USAGE, Refused

KINDS: Final = ("_POSTGRES_URL", "_NATS_URL")
"""How the names of addresses end, the operator's and the services' own."""

FILE: Final = "_FILE"


def addressed(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without its empty variables, and with each address that a file holds in the file's place.

    Raises:
        Refused: a file cannot be read, or the address is said twice.
    """
    said = {name: value for name, value in environ.items() if value}
    named = [name for name in said if name.startswith("LIMEN_") and name.removesuffix(FILE).endswith(KINDS)]
    for name in (each for each in named if each.endswith(FILE)):
        plain = name.removesuffix(FILE)
        if plain in said:
            raise Refused(f"{plain} and {name} are both set: leave one of them out.", USAGE)
        said[plain] = _text(name, said.pop(name))
    return said


def _text(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{name} cannot be read: {error}", USAGE) from error
