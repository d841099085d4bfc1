"""Owns loads that are spread over many applications or tenants: what more of them costs.

Few and many are loaded in turns on one stack that holds the many, so that what disturbs one disturbs the other too.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from libs.bus import Bus
from libs.postgres import connect
from services.cli.bootstrap import provisioned
from services.cli.errors import Refused
from services.tenants.commands import RegisterTenant
from services.token.commands import QuickstartAnswer
from tests.bench import limen, load, starts
from tests.bench.load import Shot, Target
from tests.bench.management import Application
from tests.stack import Stack

FEW_APPLICATIONS: Final = 10
WATCHED: Final = ("token", "gateway")
AT_ONCE: Final = 4
"""Tenants under way at once: each waits for its keys, and RSA keys are made one after another."""


@dataclass
class Spread:
    """Loads over few and over many, round by round, and what the processes held before and after."""

    what: str
    few: int
    many: int
    over_few: list[Shot] = field(default_factory=list)
    over_many: list[Shot] = field(default_factory=list)
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    prepared: float = 0.0
    """Seconds it took to make the many."""

    @property
    def name(self) -> str:
        """How the line is called."""
        return f"{self.what}: {self.many:,} beside {self.few:,}"


def applications(stack: Stack, made: Sequence[Application], rounds: int, seconds: int) -> Spread:
    """Tokens of the bench's API for few applications and for all."""
    spread = Spread("applications", min(FEW_APPLICATIONS, len(made)), len(made))
    url = f"http://localhost:{stack.port}/oauth/token"
    asked = [(stack_host(stack), _form(each.client_id, each.secret, limen.ES256_API)) for each in made]
    return _in_turns(stack, spread, url, asked, rounds, seconds)


def tenants(stack: Stack, count: int, rounds: int, seconds: int, bound: float) -> Spread:
    """Tokens of one tenant's quickstart application and of `count` tenants', or of as many as were made in time."""
    began = time.monotonic()
    made = asyncio.run(_tenants(stack, count, bound))
    spread = Spread("tenants", 1, len(made), prepared=time.monotonic() - began)
    asked = [(each.domain, _form(each.client_id, each.client_secret or "", each.audience)) for each in made]
    return _in_turns(stack, spread, f"http://localhost:{stack.port}/oauth/token", asked, rounds, seconds)


def stack_host(stack: Stack) -> str:
    """The default tenant's name."""
    return f"localhost:{stack.port}"


def _form(client_id: str, secret: str, audience: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, "audience": audience}
    return urlencode(form)


def _in_turns(
    stack: Stack, spread: Spread, url: str, asked: Sequence[tuple[str, str]], rounds: int, seconds: int
) -> Spread:
    asyncio.run(_tidied(stack))
    watched = limen.watch(stack)
    few, many = asked[: spread.few], asked[: spread.many]
    _fired(url, few, seconds, watched)  # warming up
    spread.before = _held(stack)
    answered = 0
    while answered < 2 * len(many):  # each is read from its rows once, when it is first asked for
        answered += _fired(url, many, seconds, watched).good
    for _ in range(rounds):
        spread.over_few.append(_fired(url, few, seconds, watched))
        spread.over_many.append(_fired(url, many, seconds, watched))
    spread.after = _held(stack)
    return spread


async def _tidied(stack: Stack) -> None:
    """What Postgres does by itself within some minutes after many rows were made, but in the middle of a load."""
    connection = await connect(stack.env["LIMEN_POSTGRES_URL"], name="bench")
    try:
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def _fired(url: str, asked: Sequence[tuple[str, str]], seconds: int, watched: Callable[[], load.Cpu]) -> Shot:
    return load.fired(Target(url, "", tuple(asked)), seconds, watched)


def _held(stack: Stack) -> dict[str, int]:
    """Bytes of the processes that might grow with what they have seen."""
    return {name: size for name, size in starts.memory(stack).items() if name in WATCHED}


async def _tenants(stack: Stack, count: int, bound: float) -> list[QuickstartAnswer]:
    """Tenants as `limen tenant create` makes them, a few at a time, until there are enough or the time is over."""
    bus = await Bus.connect(stack.env["LIMEN_NATS_URL"], name="limen")
    made: list[QuickstartAnswer] = []
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            domain = f"t{number}.bench.localhost:{stack.port}"
            place = RegisterTenant(tenant=f"bench-{number}", name=f"Bench {number}", domain=domain, scheme="http")
            with suppress(Refused):  # too slow for its maker: how many there are is on the page
                made.append(await provisioned(bus, place, new_secrets=True))

    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(bound), asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(work())
    finally:
        await bus.close()
    assert made, "not one tenant was made in time"
    return made
