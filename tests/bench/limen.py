"""Owns our own side of the bench: the APIs that are asked for, and what must hold after each load."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from libs.bus import Bus, Streams
from libs.eventstore.names import ACTIVITY, stream_of
from libs.postgres import connect
from tests.bench import processes
from tests.bench.contenders import Contender
from tests.bench.load import CONNECTIONS, Cpu, Shot, Target
from tests.stack import Stack

WHO: Final = "Limen"
ES256_API: Final = "urn:bench:es256"
SCOPE: Final = "read:things"
JWKS: Final = ".well-known/jwks.json"
CATCH_UP_BOUND: Final = 5.0
IN_FLIGHT_BOUND: Final = 0.5
"""Seconds that requests still under way when the load left may take to commit."""

HEAD: Final = "SELECT pos FROM token.head WHERE log = 'activity'"
ISSUED: Final = "SELECT count(*) FROM token.activity WHERE pos > $1 AND type = 'token.token_issued'"


@dataclass(frozen=True)
class Kept:
    """What the log holds after a load."""

    issued: int
    """Rows `token.token_issued` since the load began."""
    caught_up: float
    """Seconds after the load until the stream had every committed event; infinite when five were not enough."""


def contenders(stack: Stack) -> list[Contender]:
    """The token endpoint through the gateway, ES256 and RS256."""
    env = stack.env
    _prepare(stack)
    return [
        Contender(WHO, alg, _target(stack, audience), watch(stack), f"http://localhost:{stack.port}/{JWKS}")
        for alg, audience in (("ES256", ES256_API), ("RS256", env["LIMEN_AUDIENCE"]))
    ]


def _target(stack: Stack, audience: str) -> Target:
    env = stack.env
    form = {"grant_type": "client_credentials", "client_id": env["LIMEN_CLIENT_ID"]}
    form |= {"client_secret": env["LIMEN_CLIENT_SECRET"], "audience": audience}
    return Target(f"http://localhost:{stack.port}/oauth/token", urlencode(form))


def _prepare(stack: Stack) -> None:
    """Let the tenant sign ES256 too, and give the quickstart application an API that asks for it."""
    _done(stack, "PATCH", "tenants/settings", {"allowed_signing_algs": ["RS256", "ES256"]})
    api = {"identifier": ES256_API, "name": "Bench", "signing_alg": "ES256", "scopes": [{"value": SCOPE}]}
    _done(stack, "POST", "resource-servers", api)
    grant = {"client_id": stack.env["LIMEN_CLIENT_ID"], "audience": ES256_API, "scope": [SCOPE]}
    _done(stack, "POST", "client-grants", grant)


def _done(stack: Stack, method: str, path: str, json: Mapping[str, object]) -> None:
    answer = stack.management(method, path, json)
    assert answer.status in {200, 201, 409}, (path, answer.status, answer.body)


def programs(stack: Stack) -> dict[str, list[int]]:
    """The processes of everything `limen up` started, by name; those of Postgres are one program."""
    assert stack.up is not None
    found = {row["name"]: processes.tree(row["pid"]) for row in stack.processes()}
    return {**found, "limen up": [stack.up.pid]}


def watch(stack: Stack) -> Callable[[], Cpu]:
    """The processor time of each program so far."""
    return lambda: {name: processes.cpu(pids) for name, pids in programs(stack).items()}


def head(stack: Stack) -> int:
    """The position of the newest activity of `token`."""
    return asyncio.run(_head(stack))


async def _head(stack: Stack) -> int:
    connection = await connect(stack.env["LIMEN_POSTGRES_URL"])
    try:
        return int(await connection.fetchval(HEAD))
    finally:
        await connection.close()


def kept(stack: Stack, since: int) -> Kept:
    """Wait until the stream has caught up, then count what was issued after position `since`."""
    return asyncio.run(_kept(stack, since))


async def _kept(stack: Stack, since: int) -> Kept:
    began = time.monotonic()
    bus = await Bus.connect(stack.env["LIMEN_NATS_URL"], name="limen")
    connection = await connect(stack.env["LIMEN_POSTGRES_URL"])
    try:
        streams, stream = Streams(bus), stream_of("token", ACTIVITY)
        while not (caught_up := await _is_level(streams, stream, int(await connection.fetchval(HEAD)))):
            if time.monotonic() - began > CATCH_UP_BOUND:
                break
            await asyncio.sleep(0.01)
        seconds = time.monotonic() - began if caught_up else float("inf")
        await asyncio.sleep(IN_FLIGHT_BOUND)
        return Kept(int(await connection.fetchval(ISSUED, since)), seconds)
    finally:
        await connection.close()
        await bus.close()


async def _is_level(streams: Streams, stream: str, head: int) -> bool:
    state = await streams.state(stream)
    return state is not None and state.last >= head


def complaint(shot: Shot, kept: Kept) -> str | None:
    """What is wrong with a load, if anything: each token's event is committed before its answer, and mirrored."""
    if kept.issued < shot.good:
        return f"{shot.good} tokens were answered, but only {kept.issued} token_issued are committed"
    if kept.issued > shot.good + CONNECTIONS:
        return f"{kept.issued} token_issued are committed for {shot.good} answered tokens"
    if kept.caught_up > CATCH_UP_BOUND:
        return f"the relay had not caught up {CATCH_UP_BOUND:g} s after the load"
    return None
