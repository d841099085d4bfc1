"""Somebody who reads a quickstart and pastes its commands, in order, in a shell that keeps what was exported."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from tests.stack import ROOT, Stack, until

BLOCK: Final = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDER: Final = re.compile(r"(?<![\w/])\.limen/")


class Block(NamedTuple):
    """One fenced block of shell; `kind` is the word after `sh`."""

    kind: str
    command: str


def blocks(page: Path) -> list[Block]:
    """The page's commands."""
    return [Block(kind, command) for kind, command in BLOCK.findall(page.read_text())]


class Shell:
    """A shell in the project's folder; where the page says `.limen`, it is the stack's own folder."""

    def __init__(self, stack: Stack, **environ: str) -> None:
        self.stack = stack
        self.environ = {"PATH": os.defpath, "LIMEN_DATA_DIR": str(stack.data.path), **environ}
        self.kept: list[subprocess.Popen[str]] = []

    def pastes(self, command: str) -> str:
        """What a block prints; a command that fails fails the test."""
        done = subprocess.run(
            self._shell(command),
            env=self.environ | self.stack.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def starts(self, command: str, listening_at: str | None = None) -> "subprocess.Popen[str]":
        """A block that stays; wait until it listens."""
        process = subprocess.Popen(
            self._shell(command), env=self.environ, cwd=ROOT, text=True, stdout=subprocess.PIPE, start_new_session=True
        )
        self.kept.append(process)
        if listening_at:
            until(lambda: self._listens(listening_at), 20)
        return process

    def _listens(self, url: str) -> bool:
        return subprocess.run(["curl", "-s", "-o", "/dev/null", url], check=False).returncode == 0

    def leaves(self) -> None:
        for process in self.kept:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(10)
            if process.stdout:
                process.stdout.close()

    def _shell(self, command: str) -> list[str]:
        return ["sh", "-ec", FOLDER.sub(f"{self.stack.data.path}/", command)]
