import json

import pytest

from libs.telemetry import logs
from tests.services.gateway.conftest import World


class Lines:
    """Where log lines go in this test."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.lines.append(line)

    def flush(self) -> None:
        """Nothing waits."""


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    kept = Lines()
    monkeypatch.setattr(logs, "_stdout", kept)
    return kept.lines


@pytest.mark.security("AD-10")
async def test_a_request_is_one_line_that_holds_no_secret(world: World, lines: list[bytes]) -> None:
    secrets = {"authorization": "Basic c2VjcmV0", "cookie": "a=secret"}
    answer = await world.ask("POST", "/oauth/token?code=secret", data=b"client_secret=secret", headers=secrets)
    await world.ask("GET", "/" + "a" * 5000)
    token, long = (json.loads(line) for line in lines if b'"event":"request"' in line)
    assert (token["method"], token["path"], token["status"]) == ("POST", "/oauth/token", 200)
    assert token["request_id"] == answer.headers["x-request-id"]
    assert (token["tenant"], token["address"], token["reason"]) == ("default", "127.0.0.1", None)
    assert b"secret" not in b"".join(lines)
    assert b"c2VjcmV0" not in b"".join(lines)
    assert (len(long["path"]), long["reason"]) == (200, "UnknownPath")


async def test_requests_need_not_be_logged(empty: World, lines: list[bytes]) -> None:
    await empty.start(log_requests="no")
    await empty.ask("GET", "/")
    assert not [line for line in lines if b'"event":"request"' in line]
