"""Clients that ask for tokens all the time and remember every call: what was asked, answered, and how long it took."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import urlencode

from libs.jose.base64url import decode
from tests.adversity.verifier import Verifier
from tests.stack import FORM, Stack, claims, until

DEADLINE: Final = 5.0
"""Seconds after which the gateway must have answered."""

SLACK: Final = 0.7
"""What a busy machine may add to it before the client has the answer."""

SERVES_AGAIN: Final = 10.0
"""Seconds within which service must be back."""

GIVE_UP: Final = 9.0
ENOUGH: Final = 20


@dataclass(frozen=True)
class Call:
    """One request; `status` is 0 when the connection failed."""

    at: float
    seconds: float
    status: int
    told: str
    retry_after: str | None = None
    request_id: str | None = None
    token: str | None = None

    @property
    def end(self) -> float:
        return self.at + self.seconds

    @property
    def kid(self) -> str:
        assert self.token is not None
        return str(json.loads(decode(self.token.partition(".")[0]))["kid"])

    @property
    def jti(self) -> str:
        assert self.token is not None
        return str(claims(self.token)["jti"])


class Load:
    """Some clients, each with a connection of its own that it keeps."""

    def __init__(
        self, stack: Stack, *, clients: int = 6, pause: float = 0.05, is_verified: bool = False, **parameters: str
    ) -> None:
        env = stack.env
        form = {"grant_type": "client_credentials", "client_id": env["LIMEN_CLIENT_ID"]}
        form |= {"client_secret": env["LIMEN_CLIENT_SECRET"], "audience": env["LIMEN_AUDIENCE"]}
        self._body = urlencode(form | parameters).encode()
        self._port = stack.port
        self._pause = pause
        self._stop = threading.Event()
        self._calls: list[Call] = []
        self.verifiers = [Verifier(stack) for _ in range(clients)]
        self._is_verified = is_verified
        self._threads = [threading.Thread(target=self._run, args=(each,), daemon=True) for each in self.verifiers]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self.end()

    def end(self) -> None:
        """Ask no more, and wait for the answers that are due."""
        self._stop.set()
        for thread in self._threads:
            thread.join(GIVE_UP + 1)

    @property
    def calls(self) -> list[Call]:
        """What has been answered so far, by the moment it was asked."""
        return sorted(self._calls, key=lambda call: call.at)

    def tokens_since(self, moment: float) -> list[Call]:
        """Calls asked after `moment` that brought a token."""
        return [call for call in list(self._calls) if call.at >= moment and call.status == 200]

    def refusals_since(self, moment: float) -> list[Call]:
        """Calls asked after `moment` that were told to come back."""
        return [call for call in list(self._calls) if call.at >= moment and call.status == 503]

    def _run(self, verifier: Verifier) -> None:
        connection = self._connection()
        while not self._stop.wait(self._pause):
            began = time.monotonic()
            try:
                call = self._asked(connection, began)
            except (OSError, HTTPException) as error:
                call = Call(began, time.monotonic() - began, 0, repr(error))
                connection.close()
                connection = self._connection()
                self._stop.wait(0.02)
            self._calls.append(call)
            if self._is_verified and call.token is not None:
                verifier.judge(call.token)
        connection.close()

    def _asked(self, connection: HTTPConnection, began: float) -> Call:
        connection.request("POST", "/oauth/token", self._body, FORM)
        response = connection.getresponse()
        body = response.read()
        return _call(response, body, began)

    def _connection(self) -> HTTPConnection:
        return HTTPConnection("localhost", self._port, timeout=GIVE_UP)


def _call(response: HTTPResponse, body: bytes, began: float) -> Call:
    token = None
    if response.status == 200:
        token = json.loads(body)["access_token"]
    return Call(
        began,
        time.monotonic() - began,
        response.status,
        "" if token else body.decode(errors="replace")[:300],
        response.headers.get("Retry-After"),
        response.headers.get("X-Request-Id"),
        token,
    )


def until_tokens(load: Load, within: float = SERVES_AGAIN) -> None:
    """Wait until some tokens came that were asked for from now on."""
    now = time.monotonic()
    until(lambda: len(load.tokens_since(now)) >= ENOUGH, within, lambda: str(summary(load.calls)))


def until_refused(load: Load, within: float) -> None:
    """Wait until a 503 came to a request sent from now on."""
    now = time.monotonic()
    until(lambda: load.refusals_since(now), within, lambda: str(summary(load.calls)))


def require_tokens_or_come_back(calls: Sequence[Call]) -> None:
    """Each call was answered in time by a token or by a 503 that says when to come back, or its connection failed."""
    assert calls
    wrong = [call for call in calls if not _is_right(call)]
    assert not wrong, (summary(calls), wrong[:5])
    late = [call for call in calls if call.seconds > DEADLINE + SLACK]
    assert not late, (summary(calls), late[:5])


def _is_right(call: Call) -> bool:
    if call.status == 503:
        return call.retry_after is not None and call.retry_after.isdecimal()
    return call.status == 200 or (call.status == 0 and "Timeout" not in call.told)


def summary(calls: Sequence[Call]) -> dict[str, Any]:
    """How many of each kind, and the longest, for a failure's message."""
    kinds = Counter(str(call.status) if call.status else call.told for call in calls)
    return {**kinds, "longest": max((call.seconds for call in calls), default=0.0)}
