"""Owns where a tenant is and who speaks there: its issuer, the management application's credentials, the CA to trust.

Without a word it is the stack in LIMEN_DATA_DIR. Another place needs credentials of its own: those of one stack are
never sent to another.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from libs.settings import Secret, load
from services.cli import quickstart
from services.cli.datadir import DataDir
from services.cli.errors import USAGE, Refused

URL: Final = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?/?")
"""A scheme, a host and perhaps a port, and nothing that could be read in two ways."""

CREDENTIALS: Final = (
    "LIMEN_MANAGEMENT_CLIENT_ID",
    "LIMEN_MANAGEMENT_CLIENT_SECRET",
    "LIMEN_MANAGEMENT_CLIENT_SECRET_FILE",
)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who speaks."""

    management_client_id: str
    """The application whose token opens the Management API."""

    management_client_secret: Secret
    """Its secret."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A tenant, as one client of its Management API sees it."""

    issuer: str
    """With its slash."""

    client_id: str
    client_secret: Secret
    ca: Path | None = None
    """A CA that is trusted; by default those of the system."""

    @property
    def audience(self) -> str:
        """The Management API."""
        return f"{self.issuer}api/v2/"


def found(environ: Mapping[str, str], domain: str | None, ca: str | None) -> Place:
    """The place that the command line, the environment or the stack in LIMEN_DATA_DIR says, in this order.

    Raises:
        Refused: there is none, or a secret would travel there in the clear.
        SettingsError: its credentials are not said.
    """
    data = DataDir.of(environ)
    own = _own(data)
    issuers = [each for each in (environ.get("LIMEN_ISSUER"), own.get("LIMEN_ISSUER")) if each]
    said = domain or environ.get("LIMEN_DOMAIN") or next(iter(issuers), "")
    if not said:
        raise Refused("which tenant? Start `limen up`, set LIMEN_DATA_DIR, or say --domain URL.", USAGE)
    issuer = _issuer(said, issuers)
    is_own = issuer == own.get("LIMEN_ISSUER")
    who = load(Credentials, _credentials(environ, own if is_own else {}))
    return Place(
        issuer=issuer,
        client_id=who.management_client_id,
        client_secret=who.management_client_secret,
        ca=_ca(issuer, ca, data.tls / "ca.pem" if is_own else None),
    )


def _own(data: DataDir) -> dict[str, str]:
    try:
        return quickstart.read(data.quickstart)
    except PermissionError:
        return {}


def _credentials(environ: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Both from the environment, or both from the stack: never the secret of one application for another."""
    source = environ if any(environ.get(name) for name in CREDENTIALS) else own
    return {name: source[name] for name in CREDENTIALS if source.get(name)}


def _issuer(said: str, known: Iterable[str]) -> str:
    """`host[:port]` is https, unless it is that of a known issuer; a URL says for itself."""
    if "://" not in said:
        said = next((each for each in known if urlsplit(each).netloc == said), f"https://{said}")
    if not URL.fullmatch(said):
        raise Refused(f"{said!r} is no domain: HOST[:PORT], or https://HOST[:PORT]/.", USAGE)
    parts = urlsplit(said)
    if parts.scheme == "http" and not _is_here(parts.hostname or ""):
        raise Refused(f"{said}: the application's secret would travel in the clear; use https.", USAGE)
    return f"{parts.scheme}://{parts.netloc}/"


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _ca(issuer: str, said: str | None, own: Path | None) -> Path | None:
    if said is not None:
        if not Path(said).is_file():
            raise Refused(f"--ca {said}: there is no such file.", USAGE)
        return Path(said)
    return own if own is not None and issuer.startswith("https:") and own.exists() else None
