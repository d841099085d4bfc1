"""The guide for subscribers as a reader follows it: the example hears what he does, stops, and goes on."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.stack import Stack, until

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = ROOT / "docs" / "guides" / "subscribe-to-events.md"
PROGRAM: Final = ROOT / "examples" / "subscriber" / "subscriber.py"
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
SOURCING: Final = "set -a; . .limen/quickstart.env; set +a"


OWN: Final = [
    *("client.registered", "client.secret_issued", "client.secret_rotated", "connection.enabled", "token.issued"),
]
"""What the reader's commands cause, by name."""


def pasted(stack: Stack, command: str) -> None:
    """What the guide says, on this stack."""
    assert SOURCING in command
    own = command.replace(SOURCING, f"set -a; . {stack.data.quickstart}; set +a").replace(".venv/bin/python", "python3")
    done = subprocess.run(["sh", "-ec", own], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def listening(stack: Stack, state: Path, told: Path) -> Iterator[None]:
    """The example, unmodified."""
    names = [name for name in stack.env if name.startswith("LIMEN_SUBSCRIBER_")]
    environ = {name: stack.env[name] for name in names} | {"SUBSCRIBER_STATE": str(state)}
    with told.open("a") as output:
        process = subprocess.Popen([sys.executable, "-P", str(PROGRAM)], env=environ, stdout=output)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


def kinds(told: Path) -> list[str]:
    return [line.split(" ", 2)[1].removeprefix("auth.v1.") for line in told.read_text().splitlines()]


def has_heard_all(stack: Stack) -> bool:
    """Whether nothing waits for the example, as the guide's command tells."""
    (line,) = [each for each in stack.limen("subscriber", "list").stdout.splitlines() if each.startswith("example\t")]
    return "0 waiting, 0 unacknowledged" in line


def test_a_reader_hears_his_own_application_and_goes_on_where_he_was(stack: Stack, tmp_path: Path) -> None:
    told, state = tmp_path / "told", tmp_path / "state"
    (doing,) = [block for block in BLOCKS if "rotate-secret" in block]
    with listening(stack, state, told):
        until(lambda: has_heard_all(stack), 20)
        before = len(kinds(told))
        pasted(stack, doing)
        until(lambda: len(kinds(told)) >= before + len(OWN), 20, told.read_text)
    assert sorted(kinds(told)[before:]) == OWN  # each service in its order; which is first is open
    first = len(kinds(told))
    pasted(stack, doing)
    with listening(stack, state, told):
        until(lambda: len(kinds(told)) >= first + len(OWN), 30, told.read_text)
    assert sorted(kinds(told)[first:]) == OWN, "nothing is missed, and nothing is told twice"
