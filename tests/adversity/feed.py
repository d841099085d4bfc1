"""What a subscriber was given, and whether that is what the feed holds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.adversity.record import head, rows
from tests.stack import Stack, until

PROGRAM: Final = Path(__file__).parent / "listening.py"
NAMES: Final = ("LIMEN_SUBSCRIBER_URL", "LIMEN_SUBSCRIBER_STREAM", "LIMEN_SUBSCRIBER_CONSUMER")

ACK_WAIT: Final = 3
"""Seconds after which what a subscriber of these tests did not acknowledge comes again: `LIMEN_FEED_ACK_WAIT`."""

CATCHES_UP: Final = 30.0
"""Seconds within which a subscriber has everything, also what was lost on the way and comes again."""


@dataclass(frozen=True)
class Heard:
    """One delivery."""

    epoch: int
    pos: int
    id: str
    subject: str

    @property
    def entity(self) -> str:
        """What it is about."""
        return self.subject.rpartition(".")[0]


class Listener:
    """A subscriber that listens as long as the stack lives."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "heard.jsonl"
        self._read = 0
        self._heard: list[Heard] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def heard(self) -> list[Heard]:
        """Everything that came, in order, repeats too."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        if whole:
            self._read += len(whole) + 1
            self._heard += [Heard(**json.loads(line)) for line in whole.split(b"\n")]
        return self._heard

    def start(self, stack: Stack) -> None:
        """Begin, or go on."""
        command = [sys.executable, "-P", str(PROGRAM), *(stack.env[name] for name in NAMES)]
        command.append(str(ACK_WAIT + 1))
        with self._file.open("ab") as file:
            self._process = subprocess.Popen(command, stdout=file)

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def running(self, stack: Stack) -> Iterator["Listener"]:
        """Listen while the block lasts."""
        self.start(stack)
        try:
            yield self
        finally:
            self.kill()


def require_heard(stack: Stack, listener: Listener) -> None:
    """The subscriber missed nothing, and saw each event at its place, each entity's in order; repeats are the same."""
    until(lambda: _is_fed(stack), CATCHES_UP, stack.story)
    last = head(stack, "audit", "feed")
    until(lambda: len({each.pos for each in listener.heard}) >= last, CATCHES_UP, lambda: _gaps(listener, last))
    heard = listener.heard
    stored = {row["pos"]: str(row["id"]) for row in rows(stack, "SELECT pos, id FROM audit.feed")}
    assert {(each.pos, each.id) for each in heard} == set(stored.items())
    assert {each.epoch for each in heard} == {1}
    latest: dict[str, int] = {}
    known: set[int] = set()
    for each in heard:
        if each.pos in known:
            continue
        known.add(each.pos)
        assert each.pos > latest.get(each.entity, 0), f"{each} came after {latest[each.entity]}"
        latest[each.entity] = each.pos


def _is_fed(stack: Stack) -> bool:
    """Whether every log that is published has been."""
    waiting = rows(
        stack,
        "SELECT c.name FROM audit.checkpoints c JOIN (VALUES "
        "('EVT_TENANTS_0', (SELECT pos FROM tenants.head WHERE log = 'facts')), "
        "('EVT_KEY_ROTATION_0', (SELECT pos FROM key_rotation.head WHERE log = 'facts')), "
        "('EVT_TOKEN_0', (SELECT pos FROM token.head WHERE log = 'facts')), "
        "('ACT_TOKEN_0', (SELECT pos FROM token.head WHERE log = 'activity'))) AS logs(source, pos) USING (source) "
        "WHERE c.pos < logs.pos",
    )
    return not waiting


def _gaps(listener: Listener, last: int) -> str:
    missing = sorted(set(range(1, last + 1)) - {each.pos for each in listener.heard})
    return f"{len(missing)} of {last} are missing, the first {missing[:10]}"
