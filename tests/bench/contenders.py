"""Owns who is measured: started, asked once and believed only when a good token came, ended."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet

from libs.runtime import ids
from services.cli.embedded.ports import LOOPBACK, chosen
from tests.bench import processes
from tests.bench.load import Cpu, Missing, Target

ROOT: Final = Path(__file__).parents[2]
PEER: Final = "oidc-provider"
PEER_WANTED: Final = "oidc-provider@9"
SERVER: Final = Path(__file__).parent / "peer" / "server.mjs"
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
START_BOUND: Final = 20.0


@dataclass(frozen=True)
class Contender:
    """One line of the table. `alg` is empty for the yardstick, which signs nothing."""

    who: str
    alg: str
    target: Target
    watched: Callable[[], Cpu]
    jwks: str = ""

    @property
    def name(self) -> str:
        """How the line is called."""
        return f"{self.who} {self.alg}".strip()


@contextmanager
def bare() -> Iterator[list[Contender]]:
    """The yardstick."""
    port = chosen()
    command = [sys.executable, "-m", "tests.bench.bare", str(port)]
    with _running(command, ROOT, {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}) as pid:
        target = Target(f"http://{LOOPBACK}:{port}/oauth/token", _form("x" * 32, "y" * 64, audience="urn:bench:bare"))
        yield [Contender("bare aiohttp handler", "", target, _watch("aiohttp", pid))]


@contextmanager
def peer() -> Iterator[list[Contender]]:
    """oidc-provider, installed by name for this run outside the repository.

    Raises:
        Missing: there is no npm, or it could not install.
    """
    with tempfile.TemporaryDirectory(prefix="limen-bench-") as name:
        folder = Path(name)
        _install(folder)
        port, client_id, secret = chosen(), ids.client_id(), ids.client_secret()
        environ = {"PATH": os.defpath, "NODE_ENV": "production", "BENCH_PORT": str(port)}
        environ |= {"BENCH_CLIENT_ID": client_id, "BENCH_CLIENT_SECRET": secret}
        url = f"http://{LOOPBACK}:{port}"
        with _running([_node(), SERVER.name], folder, environ) as pid:
            who = f"{PEER} {_peer_version(folder)}"
            yield [
                Contender(who, alg, _peer_target(url, client_id, secret, alg), _watch(PEER, pid), f"{url}/jwks")
                for alg in ("ES256", "RS256")
            ]


def _peer_target(url: str, client_id: str, secret: str, alg: str) -> Target:
    resource = f"urn:bench:{alg.lower()}"
    return Target(f"{url}/token", _form(client_id, secret, resource=resource, scope="read:things"))


def _form(client_id: str, secret: str, **further: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return urlencode(form | further)


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Missing("npm is missing: nothing to compare with; install it, on Debian and Ubuntu: apt-get install npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", PEER_WANTED]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"npm could not install {PEER_WANTED}: {done.stderr.strip().splitlines()[-1:]}")
    shutil.copy(SERVER, folder)


def _node() -> str:
    found = shutil.which("node")
    assert found is not None
    return found


def _peer_version(folder: Path) -> str:
    version: str = json.loads((folder / "node_modules" / PEER / "package.json").read_text())["version"]
    return version


@contextmanager
def _running(command: list[str], folder: Path, environ: dict[str, str]) -> Iterator[int]:
    """The pid of a program that has said `listening`."""
    process = subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        _await_listening(process)
        yield process.pid
    finally:
        process.terminate()
        process.wait(START_BOUND)


def _await_listening(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    deadline = time.monotonic() + START_BOUND
    while process.stdout.readline().strip() != "listening":
        assert process.poll() is None and time.monotonic() < deadline, f"{process.args!r} did not start"  # noqa: PT018


def _watch(name: str, pid: int) -> Callable[[], Cpu]:
    return lambda: {name: processes.cpu(processes.tree(pid))}


def ask_once(contender: Contender) -> None:
    """Fail unless the answer is a token that verifies against the published keys under the expected algorithm."""
    status, body = asked(contender.target)
    assert status == 200, f"{contender.name}: {status} {body!r}"
    if not contender.alg:
        return
    token = json.loads(body)["access_token"]
    keys = KeySet.import_key_set(json.loads(_fetched("GET", contender.jwks)[1]))
    found = jwt.decode(token, keys, algorithms=[contender.alg])
    assert {"iss", "aud", "exp", "jti"} <= found.claims.keys(), found.claims


def asked(target: Target) -> tuple[int, bytes]:
    """Status and body of one answer."""
    return _fetched("POST", target.url, target.form)


def _fetched(method: str, url: str, form: str | None = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=30)
    try:
        connection.request(method, parts.path, body=form, headers=FORM if form else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
