"""Owns the choice between embedded servers and those the environment names, and the addresses that follow from it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from services.cli.datadir import DataDir, read_json
from services.cli.embedded import accounts, binaries, nats, postgres
from services.cli.embedded.accounts import Accounts
from services.cli.embedded.ports import KeptPorts
from services.cli.errors import USAGE, Refused
from services.cli.supervisor import Program

STORES: Final = ("tenants", "token", "login", "connections", "key_rotation", "audit")
"""The services with a schema and a role of their own."""

ON_BUS: Final = ("gateway", *STORES)
"""The services with a NATS user of their own."""


@dataclass(frozen=True)
class Server:
    """Postgres or NATS: ours or somebody else's."""

    url: str
    """The operator's address: it may do everything."""
    urls: Mapping[str, str]
    """The address of each service, by its variable: `LIMEN_TOKEN_POSTGRES_URL`."""
    what: str
    """What it is, for a person."""
    program: Program | None = None
    """What to start; None when it runs elsewhere."""


def postgres_server(data: DataDir, environ: Mapping[str, str], ports: KeptPorts) -> Server:
    """The Postgres the environment names, unless that is our own; an embedded one is made here if there is none."""
    passwords = data.kept_passwords(["postgres limen", *(f"postgres {service}" for service in STORES)])
    secrets = {service: passwords[f"postgres {service}"] for service in STORES}
    given = environ.get("LIMEN_POSTGRES_URL")
    if given and not _is_own(given, data, "postgres", passwords["postgres limen"]):
        base = _split(given, "LIMEN_POSTGRES_URL", {"postgres", "postgresql"})
        urls = {service: _as_user(base, f"limen_{service}", secret) for service, secret in secrets.items()}
        return Server(given, _chosen(urls, "POSTGRES", environ), _where(base))
    binary = binaries.postgres(environ.get("PATH"))
    home, port = postgres.home(data, binary), ports.server("postgres")
    postgres.prepare(home, port, passwords["postgres limen"])
    urls = {service: postgres.url(port, f"limen_{service}", secret) for service, secret in secrets.items()}
    url = postgres.url(port, postgres.SUPERUSER, passwords["postgres limen"])
    what = f"{binary.version} on 127.0.0.1:{port}, data in {home.database}"
    return Server(url, _chosen(urls, "POSTGRES", environ), what, postgres.program(home, data, port))


def nats_server(data: DataDir, environ: Mapping[str, str], ports: KeptPorts) -> Server:
    """The NATS the environment names, unless that is our own."""
    passwords = data.kept_passwords(f"nats {user}" for user in nats.USERS)
    given = environ.get("LIMEN_NATS_URL")
    if given and not _is_own(given, data, "nats", passwords["nats limen"]):
        base = _split(given, "LIMEN_NATS_URL", {"nats", "tls"})
        return Server(given, _chosen(dict.fromkeys(ON_BUS, given), "NATS", environ), _where(base))
    binary = binaries.nats(environ.get("PATH"))
    port = ports.server("nats")
    urls = {service: nats.url(port, service, passwords[f"nats {service}"]) for service in ON_BUS}
    url = nats.url(port, "limen", passwords["nats limen"])
    what = f"{binary.version} on 127.0.0.1:{port}"
    return Server(url, _chosen(urls, "NATS", environ), what, nats.program(binary, data, port, passwords))


def subscriber_url(data: DataDir, bus: Server) -> str | None:
    """Where the example subscriber connects, if the server is ours and it has an account."""
    password = Accounts(data).passwords().get(nats.EXAMPLE)
    if bus.program is None or password is None:
        return None
    return accounts.url(urlsplit(bus.url).netloc.rpartition("@")[2], nats.EXAMPLE, password)


def answers(server: Server, kind: str) -> bool:
    """Whether something answers at the operator's address of a server of `kind` (`postgres` or `nats`)."""
    parts = urlsplit(server.url)
    if kind == "nats":
        return nats.answers(parts.hostname or "localhost", parts.port or 4222)
    return postgres.answers(parts.hostname or "localhost", parts.port or 5432)


def _is_own(given: str, data: DataDir, name: str, password: str) -> bool:
    """Whether an address is that of our own embedded server: somebody sourced quickstart.env."""
    port = read_json(data.ports, {}).get(name)
    make = postgres.url if name == "postgres" else nats.url
    return port is not None and given == make(port, "limen", password)


def _chosen(urls: Mapping[str, str], kind: str, environ: Mapping[str, str]) -> dict[str, str]:
    """By variable, what the environment says of a service's own address before what we would choose."""
    by_variable = {f"LIMEN_{service.upper()}_{kind}_URL": url for service, url in urls.items()}
    return {variable: environ.get(variable) or url for variable, url in by_variable.items()}


def _split(url: str, variable: str, schemes: set[str]) -> SplitResult:
    """The one server that an address names; services alone may be given several."""
    with suppress(ValueError):  # several hosts, no port, or a password with a / that is not percent-encoded
        parts = urlsplit(url)
        if parts.scheme in schemes and parts.hostname and parts.port != 0:
            return parts
    raise Refused(f"{variable} must be an address such as {max(schemes)}://user:password@host:port.", USAGE)


def _as_user(base: SplitResult, user: str, password: str) -> str:
    host = base.netloc.rpartition("@")[2]
    return base._replace(netloc=f"{user}:{password}@{host}").geturl()


def _where(base: SplitResult) -> str:
    return f"at {base.netloc.rpartition('@')[2]}"
