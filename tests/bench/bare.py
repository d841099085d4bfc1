"""The yardstick: what the HTTP server alone can do on this machine, one process, an answer of a token's size."""

import asyncio
import signal
import sys
from typing import Final

import uvloop
from aiohttp import web

BODY: Final = b'{"access_token":"' + b"x" * 800 + b'","scope":"read:things","expires_in":86400,"token_type":"Bearer"}'
HEADERS: Final = {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"}


async def answered(request: web.BaseRequest) -> web.StreamResponse:
    """Read the form and answer what is always answered."""
    await request.read()
    return web.Response(body=BODY, headers=HEADERS)


async def serve(port: int) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    server = await loop.create_server(web.Server(answered, access_log=None), "127.0.0.1", port, backlog=512)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
