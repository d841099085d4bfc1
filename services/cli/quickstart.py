"""Owns quickstart.env: a stack's addresses and the credentials of its first applications, for a shell to source."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.cli.errors import USAGE, Refused

NAMES: Final = (
    "LIMEN_ISSUER",
    "LIMEN_DOMAIN",
    "LIMEN_AUDIENCE",
    "LIMEN_CLIENT_ID",
    "LIMEN_CLIENT_SECRET",
    "LIMEN_MANAGEMENT_AUDIENCE",
    "LIMEN_MANAGEMENT_CLIENT_ID",
    "LIMEN_MANAGEMENT_CLIENT_SECRET",
    "LIMEN_SUBSCRIBER_URL",
    "LIMEN_SUBSCRIBER_STREAM",
    "LIMEN_SUBSCRIBER_CONSUMER",
    "LIMEN_POSTGRES_URL",
    "LIMEN_NATS_URL",
)
"""Exactly what the file holds, in its order."""

SECRETS: Final = {
    "LIMEN_CLIENT_SECRET": "LIMEN_CLIENT_ID",
    "LIMEN_MANAGEMENT_CLIENT_SECRET": "LIMEN_MANAGEMENT_CLIENT_ID",
}
"""What no one can tell again, with the id it belongs to: only its hash is stored, so it is kept from file to file."""


def read(path: Path) -> dict[str, str]:
    """The names and values of the file; nothing when it is not there.

    Raises:
        Refused: it cannot be understood, or what should be its folder is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
        return {name.strip(): "".join(shlex.split(value)) for name, _, value in pairs}
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise Refused(f"{path.parent} is no directory; LIMEN_DATA_DIR names one.", USAGE) from error
    except ValueError as error:  # a quotation that does not close, or no UTF-8
        raise Refused(f"{path} is damaged: {error}; `limen up` makes it anew when it is deleted.") from error


def rendered(values: Mapping[str, str]) -> str:
    """The file's text; every value is quoted where a shell would take it apart."""
    return lines({name: values[name] for name in NAMES})


def lines(values: Mapping[str, str]) -> str:
    """Names and values as a shell sources them."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def has_secrets(old: Mapping[str, str]) -> bool:
    """Whether the file still holds every secret."""
    return all(old.get(secret) and old.get(client) for secret, client in SECRETS.items())


def merged(old: Mapping[str, str], made: Mapping[str, str | None], postgres_url: str, nats_url: str) -> dict[str, str]:
    """The new values: what bootstrapping `made`, with the secrets it no longer knows taken from `old`."""
    values = {f"LIMEN_{name.upper()}": value for name, value in made.items() if value is not None}
    for secret, client in SECRETS.items():
        if secret not in values and old.get(client) == values.get(client):
            values[secret] = old.get(secret, "")
    values |= {"LIMEN_POSTGRES_URL": postgres_url, "LIMEN_NATS_URL": nats_url}
    return {name: values.get(name, "") for name in NAMES}
