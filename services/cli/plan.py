"""Owns which processes serve which services, and what each of them is told by its environment."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from services.cli import readyz
from services.cli.datadir import DataDir
from services.cli.embedded.ports import LOOPBACK, KeptPorts
from services.cli.quickstart import NAMES
from services.cli.supervisor import Program

PROCESSES: Final = (("gateway",), ("token",), ("login",), ("tenants", "key_rotation", "connections"), ("audit",))
"""What one machine runs: each row is a process."""

REPLICATED: Final = frozenset({"token", "login", "tenants", "key_rotation", "connections", "audit"})
"""What may run several times beside itself here; the gateway has the one public port."""

NICENESS: Final[Mapping[tuple[str, ...], int]] = {("audit",): 10, ("login",): 12}
"""Of processes that let others go first while the processors are full.

Nobody waits for `audit`: it publishes a little later. Somebody who signs in waits for tens of milliseconds of hashing
anyway, and a page that comes some milliseconds later is not seen; applications wait for each of their tokens, and a
storm of wrong passwords must not make them wait for it too.
"""

KEEPS_SECRETS: Final = frozenset({"token", "login", "connections", "key_rotation"})
"""The services that open or derive keys."""

SECRET_OF_KEYS: Final = ("LIMEN_KEY_VAULT", "LIMEN_KEY_ENCRYPTION_KEYS")
"""Variables, by their beginning, that only those processes are told."""


def limen(*arguments: str) -> tuple[str, ...]:
    """The command line of `limen ARGUMENTS` in this virtual environment."""
    script = Path(sys.executable).parent / "limen"
    program = (str(script),) if script.exists() else ("-m", "services.cli.main")
    return (sys.executable, *program, *arguments)


def processes(
    data: DataDir,
    ports: KeptPorts,
    replicas: Mapping[str, int],
    shared: Mapping[str, str],
    own: Mapping[str, str],
) -> list[Program]:
    """The processes that serve: each row of the table once, and each further replica alone in its own.

    `shared` is what all of them are told; of `own`, the addresses by service, each is told those of its services.
    """
    further = [(service,) for service, count in replicas.items() for _ in range(count - 1)]
    served = [*PROCESSES, *further]
    return [_process(data, ports, each, served[:number].count(each), shared, own) for number, each in enumerate(served)]


def _process(
    data: DataDir,
    ports: KeptPorts,
    services: tuple[str, ...],
    replica: int,
    shared: Mapping[str, str],
    own: Mapping[str, str],
) -> Program:
    name = ",".join(services)
    port = ports.admin(f"{name} {replica + 1}")
    mine = tuple(f"LIMEN_{service.upper()}_" for service in services)
    environ = {variable: value for variable, value in shared.items() if _may_know(services, variable)}
    environ |= {variable: url for variable, url in own.items() if variable.startswith(mine)}
    environ |= {"LIMEN_ADMIN_HOST": LOOPBACK, "LIMEN_ADMIN_PORT": str(port), "LIMEN_DATA_DIR": str(data.path)}
    return Program(
        name=name,
        command=limen("serve", *services),
        environ=environ,
        services=services,
        admin_port=port,
        rank=0 if "gateway" in services else 1,
        niceness=NICENESS.get(services, 0),
        is_ready=partial(readyz.is_ready, port),
    )


def _may_know(services: tuple[str, ...], variable: str) -> bool:
    return not variable.startswith(SECRET_OF_KEYS) or not KEEPS_SECRETS.isdisjoint(services)


def development(environ: Mapping[str, str]) -> dict[str, str]:
    """What all are told on one machine: mails are shown where no server takes them, logouts told to neighbours."""
    told = {"LIMEN_OUTGOING_NETWORKS": "127.0.0.0/8,::1"}
    if not has_mail_server(environ):
        told["LIMEN_DEV_MAILBOX"] = "on"
    return {name: value for name, value in told.items() if not environ.get(name)}


def has_mail_server(environ: Mapping[str, str]) -> bool:
    """Whether mails are sent."""
    return any(environ.get(name) for name in ("LIMEN_SMTP_URL", "LIMEN_SMTP_URL_FILE"))


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """What children get of our own environment: all but the names of quickstart.env.

    Those are a client's view of a stack, perhaps of another one; the operator's addresses among them would give every
    service every right.
    """
    return {name: value for name, value in environ.items() if name not in NAMES} | {"PYTHONSAFEPATH": "1"}
