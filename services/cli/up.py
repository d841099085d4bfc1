"""Owns `limen up`: everything on this machine, started in order, kept running, stopped in order.

Postgres and NATS first, then roles and migrations, then the services, then the default tenant. Migrations and the
tenant are made by processes of their own, so that this one, which stays, loads none of their libraries.
"""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.cli import keyfile, leftovers, plan, quickstart, readyz, servers
from services.cli.addresses import addressed
from services.cli.datadir import DataDir, require_disk, write, write_json
from services.cli.embedded import nats
from services.cli.embedded.ports import KeptPorts, is_free
from services.cli.errors import OK, USAGE, Refused
from services.cli.supervisor import Program, Stopped, Supervisor

PORTS: Final = {"http": 8080, "https": 8443}
LOOPBACKS: Final = ("127.0.0.1", "::1")
MOST_REPLICAS: Final = 8
HIGHEST_PORT: Final = 65535


EXAMPLES: Final = Path(__file__).parents[2] / "examples"
EXAMPLE_AT: Final = "http://localhost:3020/"
"""Where the example web application listens."""


@dataclass(frozen=True)
class Options:
    """What this start was asked to do."""

    port: int
    hosts: tuple[str, ...]
    scheme: str
    replicas: Mapping[str, int]
    has_mail_server: bool = False
    has_certificate: bool = False
    """Whether the operator brings one; a service refuses half of it."""

    @property
    def domain(self) -> str:
        """Host and port of the issuer."""
        return f"localhost:{self.port}"

    @property
    def has_own_ca(self) -> bool:
        """Whether clients must be told to believe the CA that was made here."""
        return self.scheme == "https" and not self.has_certificate


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Start everything and stay until told to stop; 0 after a stop that was asked for."""
    environ = addressed(environ)
    options = parsed(arguments, environ)
    data = DataDir.of(environ)
    try:
        return _lived(data, environ, options)
    except OSError as error:
        raise Refused(f"cannot go on: {error}.") from error


def _lived(data: DataDir, environ: Mapping[str, str], options: Options) -> int:
    data.make()
    data.lock()
    require_disk(data.path)
    supervisor = Supervisor(data, say)
    supervisor.listen()
    leftovers.await_end(data)
    require_port(options)
    try:
        Stack(data, environ, options, supervisor).start()
        supervisor.forever()
    except Stopped:
        pass
    finally:
        say("stopping")
        supervisor.stop()
        say("stopped")
    return OK


class Stack:
    """One start, step by step."""

    def __init__(self, data: DataDir, environ: Mapping[str, str], options: Options, supervisor: Supervisor) -> None:
        self._data = data
        self._environ = environ
        self._options = options
        self._supervisor = supervisor
        self._ports = KeptPorts(data)
        self._began = time.monotonic()
        self._subscriber: str | None = None
        # The file is written before any service ever ran on this directory, and after the key was made.
        self._is_new = not data.environment.exists()

    def start(self) -> None:
        """Go through the steps until everything is ready and said."""
        say(f"limen up in {self._data.path}")
        database, bus = self._start_servers()
        vault = keyfile.vault_environ(self._data, self._environ, is_new=self._is_new)
        shared = plan.inherited(self._environ) | vault
        own = dict(database.urls) | dict(bus.urls)
        operator = shared | own | {"LIMEN_POSTGRES_URL": database.url, "LIMEN_NATS_URL": bus.url}
        operator["LIMEN_DATA_DIR"] = str(self._data.path)
        write_json(self._data.environment, own | vault)
        self._migrate(operator, bus)
        self._serve(shared | plan.development(self._environ) | self._public(), own)
        values = self._bootstrap(operator, database, bus)
        self._await_ready(["gateway"])
        say(next_steps(self._data, values, self._options, time.monotonic() - self._began))

    def _start_servers(self) -> tuple[servers.Server, servers.Server]:
        bus = servers.nats_server(self._data, self._environ, self._ports)
        self._subscriber = servers.subscriber_url(self._data, bus)
        self._started("NATS", bus)
        database = servers.postgres_server(self._data, self._environ, self._ports)
        self._started("Postgres", database)
        self._await_server("postgres", database)
        return database, bus

    def _started(self, kind: str, server: servers.Server) -> None:
        say(f"{kind} {server.what}")
        if server.program:
            self._supervisor.start(server.program)

    def _await_server(self, name: str, server: servers.Server) -> None:
        if server.program is None:
            if not self._supervisor.until(lambda: servers.answers(server, name), 5):
                variable = f"LIMEN_{name.upper()}_URL"
                raise Refused(
                    f"nothing answers {server.what}, which {variable} names; without it an embedded server is used."
                )
        elif self._supervisor.until_ready([name], 60):
            raise Refused(f"{name} did not start within 60 s; see {self._data.logs / name}.log")

    def _migrate(self, operator: Mapping[str, str], bus: servers.Server) -> None:
        say("roles and migrations")
        self._supervisor.run(_once("migrate", ("migrate",), operator), 600)
        self._await_server("nats", bus)

    def _serve(self, shared: Mapping[str, str], own: Mapping[str, str]) -> None:
        programs = plan.processes(self._data, self._ports, self._options.replicas, shared, own)
        say("services: " + "  ".join(program.name for program in programs))
        self._supervisor.start(*programs)
        self._admin = {program.name: program.admin_port for program in programs}
        self._await_ready([program.name for program in programs if "gateway" not in program.services])

    def _await_ready(self, names: Sequence[str]) -> None:
        while late := self._supervisor.until_ready(names, 15):
            for name in sorted(set(late)):
                say(f"waiting for {name}: {readyz.missing(self._admin[name] or 0)}")

    def _bootstrap(self, operator: Mapping[str, str], database: servers.Server, bus: servers.Server) -> dict[str, str]:
        old = quickstart.read(self._data.quickstart)
        lacks = not quickstart.has_secrets(old)
        if lacks and not self._is_new:
            say(f"{self._data.quickstart} is gone or has no secrets: the first applications get new ones")
        made = self._made(operator, new_secrets=lacks)
        values = quickstart.merged(old, made, database.url, bus.url)
        if not quickstart.has_secrets(values):  # the file belonged to another database
            say(f"{self._data.quickstart} knows other applications: these get new secrets")
            values = quickstart.merged({}, self._made(operator, new_secrets=True), database.url, bus.url)
        write(self._data.quickstart, quickstart.rendered(values))
        return values

    def _made(self, operator: Mapping[str, str], *, new_secrets: bool) -> dict[str, str | None]:
        wanted = ("--domain", self._options.domain, "--scheme", self._options.scheme)
        again = ("--new-secrets",) if new_secrets else ()
        example = ("--subscriber", nats.EXAMPLE) if self._subscriber else ()
        said = self._supervisor.run(_once("bootstrap", ("bootstrap", *wanted, *again, *example), operator), 60)
        try:
            made: dict[str, str | None] = json.loads(said)
        except ValueError as error:
            raise Refused(f"bootstrap did not answer with JSON; see {self._data.logs / 'bootstrap.log'}") from error
        return made | ({"subscriber_url": self._subscriber} if "subscriber_consumer" in made else {})

    def _public(self) -> dict[str, str]:
        """What the gateway is told: its port, and its certificate if it has one."""
        environ = {"LIMEN_PORT": str(self._options.port)}
        if self._options.has_own_ca:
            environ |= self._certificate()
        return environ

    def _certificate(self) -> dict[str, str]:
        make = (sys.executable, "-m", "services.cli.tls", str(self._data.tls))
        self._supervisor.run(Program("tls", make, plan.inherited(self._environ), services=("tls",)), 60)
        return {
            "LIMEN_TLS_CERTIFICATE": str(self._data.tls / "localhost.pem"),
            "LIMEN_TLS_KEY": str(self._data.tls / "localhost.key"),
        }


def parsed(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    """The options of a command line; a wrong one is one line."""
    parser = argparse.ArgumentParser(
        prog="limen up",
        description="Start Postgres, NATS and every service on this machine, and keep them running until Ctrl-C.",
        epilog="LIMEN_PORT is the public port (8080; 8443 with --tls), LIMEN_HOST where it listens (both loopbacks), "
        "LIMEN_DATA_DIR where everything is kept (.limen). LIMEN_POSTGRES_URL and LIMEN_NATS_URL replace the embedded "
        "servers, LIMEN_TLS_CERTIFICATE and LIMEN_TLS_KEY the certificate of --tls.",
    )
    parser.add_argument("--tls", action="store_true", help="serve https, with a certificate of a private CA made once")
    parser.add_argument(
        "--replicas", action="append", default=[], metavar="SERVICE=N", help="run a service in N processes (token=2)"
    )
    given = parser.parse_args(arguments)
    has_certificate = bool(environ.get("LIMEN_TLS_CERTIFICATE"))
    scheme = "https" if given.tls or has_certificate else "http"
    host = environ.get("LIMEN_HOST")
    hosts = tuple(each.strip() for each in host.split(",")) if host else LOOPBACKS
    return Options(
        _port(environ, PORTS[scheme]),
        hosts,
        scheme,
        _replicas(given.replicas),
        has_mail_server=plan.has_mail_server(environ),
        has_certificate=has_certificate,
    )


def _port(environ: Mapping[str, str], default: int) -> int:
    text = environ.get("LIMEN_PORT") or str(default)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= HIGHEST_PORT):
        raise Refused(f"LIMEN_PORT must be a port between 1 and {HIGHEST_PORT}, not {text!r}.", USAGE)
    return int(text)


def _replicas(given: Sequence[str]) -> dict[str, int]:
    replicas = {}
    for text in given:
        service, _, count = text.partition("=")
        if service not in plan.REPLICATED or count not in {str(each) for each in range(1, MOST_REPLICAS + 1)}:
            known = ", ".join(sorted(plan.REPLICATED))
            raise Refused(f"--replicas takes SERVICE=N, one of {known} and 1 to {MOST_REPLICAS}, not {text!r}.", USAGE)
        replicas[service] = int(count)
    return replicas


def require_port(options: Options) -> None:
    """Refuse to start when somebody listens on the public port."""
    for host in options.hosts:
        if not is_free(options.port, host):
            raise Refused(f"port {options.port} on {host} is taken or not permitted; set LIMEN_PORT to another one.")


def next_steps(data: DataDir, values: Mapping[str, str], options: Options, seconds: float) -> str:
    """The block that says what to do now; its command can be pasted as it is."""
    ca = f" --cacert {shlex.quote(str(data.tls / 'ca.pem'))}" if options.has_own_ca else ""
    token = (
        f"set -a; . {shlex.quote(str(data.quickstart))}; set +a; curl -sS{ca} "
        '"${LIMEN_ISSUER}oauth/token" -d grant_type=client_credentials '
        '-d client_id="$LIMEN_CLIENT_ID" -d client_secret="$LIMEN_CLIENT_SECRET" '
        '--data-urlencode audience="$LIMEN_AUDIENCE"'
    )
    issuer = values["LIMEN_ISSUER"]
    mailbox = "" if options.has_mail_server else f"\n  Mailbox      {issuer}dev/mailbox"
    return f"""
Limen is ready at {issuer} after {seconds:.1f} s.

  Get a token:
    {token}
{_example(data, options)}
  Discovery    {issuer}.well-known/openid-configuration{mailbox}
  Credentials  {data.quickstart}
  Logs         {data.logs}
  What happens {_verb(data, "events tail")}
  What is wrong {_verb(data, "doctor")}

Ctrl-C stops everything.
"""


def _example(data: DataDir, options: Options) -> str:
    """How the example application is tried, where its source is at hand."""
    if not (EXAMPLES / "web" / "web.py").exists():
        return ""
    python, examples, folder = (shlex.quote(str(each)) for each in (sys.executable, EXAMPLES, data.path))
    trusts = f"SSL_CERT_FILE={shlex.quote(str(data.tls / 'ca.pem'))} " if options.has_own_ca else ""
    return f"""
  See people sign in, at {EXAMPLE_AT}
    set -a; . {folder}/quickstart.env; {trusts}LIMEN_DATA_DIR={folder}; {python} {examples}/register.py &&
    . {folder}/examples.env && {python} {examples}/web/web.py
"""


def _verb(data: DataDir, verb: str) -> str:
    script = Path(sys.executable).parent / "limen"
    return f"LIMEN_DATA_DIR={shlex.quote(str(data.path))} {shlex.quote(str(script))} {verb}"


def _once(name: str, arguments: tuple[str, ...], environ: Mapping[str, str]) -> Program:
    # With `services` set a program keeps our working directory, where relative paths in settings are meant.
    return Program(name, plan.limen(*arguments), environ, services=(name,))


def say(text: str) -> None:
    """Tell the person at the terminal; that nobody listens any more stops nothing."""
    try:
        print(text, flush=True)  # noqa: T201 - a command line speaks by printing
    except OSError:
        return
