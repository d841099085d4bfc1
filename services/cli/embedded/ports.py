"""Owns ports: chosen free once, then kept, so that a server that comes back is found where it was.

They are drawn below the range from which the system gives ports to outgoing connections: such a connection could hold
a kept port at the moment its server starts again.
"""

import errno
import os
import socket
from collections.abc import Iterable
from typing import Final

from services.cli.datadir import DataDir, read_json, write_json
from services.cli.errors import Refused

CHOICE: Final = range(20000, 32000)
LOOPBACK: Final = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `port` of `host` now. An address this machine lacks counts as free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do: connections of the last run that still linger must not count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, port))
            probe.listen(1)  # a bind alone succeeds beside a listener that also set SO_REUSEADDR
    except OSError as error:
        return error.errno not in {errno.EADDRINUSE, errno.EACCES}
    return True


def chosen(not_these: Iterable[int] = ()) -> int:
    """A port nobody listens on."""
    taken = set(not_these)
    first = int.from_bytes(os.urandom(4))
    for step in range(len(CHOICE)):
        port = CHOICE[(first + step) % len(CHOICE)]
        if port not in taken and is_free(port):
            return port
    raise Refused(f"no port is free between {CHOICE.start} and {CHOICE.stop}.")


class KeptPorts:
    """The ports of one data directory, by name: `postgres`, `nats`, `admin token 1`."""

    def __init__(self, data: DataDir) -> None:
        self._file = data.ports
        self._ports: dict[str, int] = read_json(self._file, {})

    def server(self, name: str) -> int:
        """The port of an embedded server, the same for ever: others hold its address.

        Raises:
            Refused: another program listens there now.
        """
        port = self._ports.get(name)
        if port is not None and not is_free(port):
            raise Refused(
                f"port {port}, kept for {name} in {self._file}, is taken by another program; "
                "stop that program, or delete this file and another port is chosen."
            )
        return port or self._keep(name)

    def admin(self, name: str) -> int:
        """The admin port of a process, the same as last time if it is still free: nobody holds its address for long."""
        port = self._ports.get(f"admin {name}")
        return port if port is not None and is_free(port) else self._keep(f"admin {name}")

    def _keep(self, name: str) -> int:
        self._ports[name] = chosen(self._ports.values())
        write_json(self._file, self._ports, 0o644)
        return self._ports[name]
