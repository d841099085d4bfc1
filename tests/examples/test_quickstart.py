"""The quickstart's commands, in order, as a reader pastes them, against a stack that runs."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from services.cli.embedded.ports import chosen
from tests.stack import Stack

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "quickstarts" / "machine-to-machine.md"
BLOCK: Final = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED_IN_README: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SOURCING: Final = re.compile(r"^set -a; \. .*quickstart\.env; set \+a$", re.MULTILINE)
EXPECTED: Final = {
    "echo": "knows the application",
    "oauth/token": '"access_token"',
    "-w '%{http_code}": "401",
    "m2m/plain.py": "threshold",
    "with_auth0_python.py": "threshold",
    "events tail": "token.token_issued",
    "limen doctor": "well enough",
}
"""What each block's output holds, by a word of its command."""


class Block(NamedTuple):
    """One fenced block: `kind` is empty, `run` (that is the stack itself) or `background`."""

    kind: str
    command: str


BLOCKS: Final = [Block(kind, command) for kind, command in BLOCK.findall(PAGE.read_text())]


class Reader:
    """Somebody in the project's folder, in a shell that keeps what was exported."""

    def __init__(self, stack: Stack) -> None:
        self.api_port = chosen()
        self.environ = {"PATH": os.defpath, "LIMEN_DATA_DIR": str(stack.data.path), "API_PORT": str(self.api_port)}
        self.sourced = f"set -a; . {stack.data.quickstart}; set +a\n"
        self.api: subprocess.Popen[str] | None = None

    def pastes(self, command: str) -> str:
        """Run a block; a command that fails fails the test."""
        done = subprocess.run(
            self._shell(command),
            env=self.environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def starts(self, command: str) -> None:
        """Run a block that stays, and wait until the API listens."""
        self.api = subprocess.Popen(self._shell(f"exec {command}"), env=self.environ, cwd=ROOT, text=True)
        deadline = time.monotonic() + 20
        while self.probe() == "000":
            assert self.api.poll() is None, "the API ended"
            assert time.monotonic() < deadline, "the API does not listen"
            time.sleep(0.1)

    def probe(self) -> str:
        url = f"http://localhost:{self.api_port}/"
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def leaves(self) -> None:
        if self.api is not None:
            self.api.send_signal(signal.SIGINT)
            self.api.wait(10)

    def _shell(self, command: str) -> list[str]:
        # The page's own file is where a default stack keeps it; this stack's is elsewhere.
        return [
            "sh",
            "-ec",
            self.sourced + re.sub(r"^set -a; \. .*quickstart\.env; set \+a$", "", command, flags=re.MULTILINE),
        ]


@pytest.fixture
def reader(stack: Stack) -> Iterator[Reader]:
    reader = Reader(stack)
    yield reader
    reader.leaves()


def test_the_page_begins_with_make_run_and_every_block_is_known() -> None:
    assert BLOCKS[0] == Block("run", "make run\n")
    plain = [block.command for block in BLOCKS if not block.kind]
    assert [each for each in plain if not any(word in each for word in EXPECTED)] == []


def test_every_command_of_the_quickstart_works(reader: Reader) -> None:
    for block in BLOCKS[1:]:
        if block.kind == "background":
            reader.starts(block.command)
            continue
        said = reader.pastes(block.command)
        (wanted,) = (text for word, text in EXPECTED.items() if word in block.command)
        assert wanted in said, f"{block.command}\n{said}"


def test_the_commands_of_the_readme_work(reader: Reader) -> None:
    commands = [each for each in FENCED_IN_README.findall((ROOT / "README.md").read_text()) if "make " not in each]
    assert len(commands) == 2
    assert '"access_token"' in reader.pastes(commands[0])
    assert "token.token_issued" in reader.pastes(commands[1])


def test_the_curl_that_limen_up_prints_works_when_pasted(stack: Stack) -> None:
    (line,) = (line for line in stack.said.splitlines() if "curl -sS" in line)
    done = subprocess.run(
        ["sh", "-c", line], env={"PATH": os.defpath}, cwd="/", capture_output=True, text=True, check=True
    )
    assert '"access_token"' in done.stdout


def test_the_api_refuses_a_token_for_another_api_and_one_without_the_scope(stack: Stack, reader: Reader) -> None:
    background = next(block.command for block in BLOCKS if block.kind == "background")
    reader.starts(background)
    url = f"http://localhost:{reader.api_port}/messages"
    narrow = stack.access_token(scope="write:messages")
    env = stack.env
    foreign = stack.access_token(
        client_id=env["LIMEN_MANAGEMENT_CLIENT_ID"],
        client_secret=env["LIMEN_MANAGEMENT_CLIENT_SECRET"],
        audience=env["LIMEN_MANAGEMENT_AUDIENCE"],
        scope="read:clients",
    )
    for token, status in ((narrow, "403"), (foreign, "401")):
        code = f"curl -s -o /dev/null -w '%{{http_code}}' -H 'Authorization: Bearer {token}' {url}"
        assert reader.pastes(code) == status
