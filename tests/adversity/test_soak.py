"""A fault every few seconds, drawn by chance, under load and rotations: nothing acknowledged is lost, nothing hangs."""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import pytest

from tests.adversity.load import Load, require_tokens_or_come_back, summary, until_tokens
from tests.adversity.record import require_committed, require_exact_mirrors
from tests.stack import Stack

SECONDS: Final = 600.0
BETWEEN: Final = 3.0
BACK_WITHIN: Final = 15.0
PAUSES: Final = (0.5, 3.0, 8.0)
PROCESSES: Final = ("token", "tenants", "nats", "postgres")

Faults = dict[str, int]


@pytest.fixture
def pair() -> Iterator[Stack]:
    environ = {"LIMEN_JWKS_MAX_AGE": "1s"}
    with Stack(replicas={"token": 2}, environ=environ, on_disk=True).running() as stack:
        yield stack


@pytest.mark.soak
@pytest.mark.security("RL-27")
def test_ten_minutes_of_faults_by_chance(pair: Stack) -> None:
    seed = random.randrange(2**32)
    chance, token, faults = random.Random(seed), pair.management_token(), Faults()
    with Load(pair, clients=4, pause=0.02, is_verified=True).running() as load:
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            with suppress(ProcessLookupError):  # What an earlier fault is just ending cannot be harmed.
                fault = harm(pair, chance)
                faults[fault] = faults.get(fault, 0) + 1
            until_tokens(load, BACK_WITHIN)
            rotate(pair, token)
            time.sleep(chance.uniform(0, BETWEEN))
    told = (seed, faults, summary(load.calls))
    require_tokens_or_come_back(load.calls)
    assert not [refusal for verifier in load.verifiers for refusal in verifier.refused], told
    require_committed(pair, load.calls)
    require_exact_mirrors(pair)
    verified = pair.limen("verify")
    assert verified.returncode == 0, (told, verified.stdout, verified.stderr)


def harm(stack: Stack, chance: random.Random) -> str:
    """Do one harm and return its name.

    Raises:
        ProcessLookupError: Who was to be harmed does not run.
    """
    name = chance.choice(PROCESSES)
    replica = chance.choice((0, 1)) if name == "token" else 0
    match chance.choice(("kill", "kill", "pause", "stop", "empty")):
        case "kill":
            stack.kill(name, replica)
            return f"kill {name}"
        case "pause":
            stack.pause(name, replica)
            time.sleep(chance.choice(PAUSES))
            stack.resume(name, replica)
            return f"pause {name}"
        case "stop":
            # Postgres takes SIGTERM for a wish to wait until all clients have left, which ours never do.
            stack.signal(name, signal.SIGINT if name == "postgres" else signal.SIGTERM, replica)
            return f"stop {name}"
        case _:
            with stack.nobody_restarts():
                stack.kill("nats")
                shutil.rmtree(stack.data.nats / "jetstream", ignore_errors=True)
            return "empty nats"


def rotate(stack: Stack, token: str) -> None:
    """Ask for a rotation; that it cannot be done just now is right, and a crash is not."""
    headers = {"authorization": f"Bearer {token}"}
    assert stack.request("POST", "/api/v2/keys/signing/rotate", headers=headers).status in {201, 429, 503}
