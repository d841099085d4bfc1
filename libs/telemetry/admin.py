"""Owns the admin port: the only HTTP a service speaks, for the operator and never for the public."""

import asyncio
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from libs.telemetry.metrics import exposition
from libs.telemetry.readiness import Readiness

METRICS_TYPE = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


class CannotListen(Exception):
    """The admin port cannot be opened; the message says where and why."""


class Admin:
    """A small server with `/livez`, `/readyz` and `/metrics`; an async context manager.

    `port` 0 takes any free one; `Admin.port` is the port it has while open.
    """

    def __init__(self, readiness: Readiness, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._readiness = readiness
        self._host = host
        self.port = port
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        """Listen; raises CannotListen where the port is taken, or the address none of this machine."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self.port, reuse_address=True).start()
        except OSError as error:
            await self._runner.cleanup()
            raise CannotListen(f"{self._host}, port {self.port}: {error.strerror}") from error
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/livez", _livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", _metrics)
        return app

    async def _readyz(self, _: web.Request) -> web.Response:
        """200, or 503 naming what is missing and why."""
        missing = self._readiness.missing()
        body = msgspec.json.encode({"ready": not missing, "missing": missing})
        return web.Response(status=503 if missing else 200, body=body, content_type="application/json")


async def _livez(_: web.Request) -> web.Response:
    """The loop turns; nothing else is asked."""
    return web.Response(text="alive\n")


async def _metrics(_: web.Request) -> web.Response:
    # The numbers of the process itself are read from files.
    return web.Response(body=await asyncio.to_thread(exposition), headers=METRICS_TYPE)
