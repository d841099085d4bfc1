"""Owns the addresses the gateway listens on, and the orderly end of what came in there."""

import asyncio
import errno
import ssl

from libs.settings import SettingsError
from libs.telemetry.logs import log
from services.gateway.config import Settings
from services.gateway.filters.connection import Edge

HANDSHAKE_SECONDS = 10.0
BACKLOG = 1024


class Sites:
    """Every address of LIMEN_HOST, on the one public port."""

    def __init__(self, settings: Settings, edge: Edge, certified: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._edge = edge
        self._context = certified
        self._servers: list[asyncio.Server] = []

    @property
    def ports(self) -> list[int]:
        """The ports listened on, one for each address."""
        return [each.getsockname()[1] for server in self._servers for each in server.sockets]

    async def open(self) -> None:
        """Listen on all addresses, or on none; raises SettingsError where that cannot be."""
        try:
            for host in self._settings.host:
                await self._listen(host)
        except SettingsError:
            self._listen_no_more()
            raise
        if not self._servers:
            raise SettingsError(f"LIMEN_HOST names no address of this machine: {', '.join(self._settings.host)}.")

    async def close(self) -> None:
        """Give a load balancer its moment, take no more connections, close idle ones, wait for what is under way."""
        await asyncio.sleep(self._settings.drain_delay.total_seconds())
        self._listen_no_more()
        await asyncio.sleep(0)
        self._edge.pre_shutdown()
        await self._edge.shutdown(self._settings.drain_timeout.total_seconds())

    def _listen_no_more(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def _listen(self, host: str) -> None:
        bound = HANDSHAKE_SECONDS if self._context else None
        try:
            server = await asyncio.get_running_loop().create_server(
                self._edge, host, self._settings.port, ssl=self._context, ssl_handshake_timeout=bound, backlog=BACKLOG
            )
        except OSError as error:
            self._cannot_listen(host, error)
        else:
            self._servers.append(server)

    def _cannot_listen(self, host: str, error: OSError) -> None:
        """A machine without IPv6 has no ::1, which is no mistake; a taken port is one."""
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(f"LIMEN_PORT {self._settings.port} is taken on {host}.") from error
        if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise SettingsError(f"LIMEN_PORT {self._settings.port} on {host}: {error}") from error
        log.warning("address_missing", host=host, reason=str(error))


def certified(settings: Settings) -> ssl.SSLContext | None:
    """What speaks https with the operator's certificate, if there is one; raises SettingsError where it is useless."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as error:
        raise SettingsError(f"LIMEN_TLS_CERTIFICATE and LIMEN_TLS_KEY cannot be used: {error}") from error
    return context
