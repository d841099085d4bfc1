"""An API that believes tokens: it keeps the JWKS exactly as long as it was told, and asks for nothing in between."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from libs.jose.base64url import decode
from tests.stack import Stack

JWKS: Final = "/.well-known/jwks.json"
LOOK: Final = 0.1
"""Seconds between two looks of the watcher."""


class Verifier:
    """Its cache is its own; for one thread. Refusals are remembered."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._keys: dict[str, RSAPublicKey] = {}
        self._until = 0.0
        self.refused: list[str] = []
        self.accepted: dict[str, int] = {}

    def judge(self, token: str) -> None:
        """Verify a token with what is cached."""
        if time.monotonic() >= self._until:
            self._refresh()
        signed, _, signature = token.rpartition(".")
        kid = json.loads(decode(signed.partition(".")[0]))["kid"]
        try:
            self._keys[kid].verify(decode(signature), signed.encode(), PKCS1v15(), SHA256())
        except (KeyError, InvalidSignature) as error:
            self.refused.append(f"{kid}: {error!r}")
        else:
            self.accepted[kid] = self.accepted.get(kid, 0) + 1

    def _refresh(self) -> None:
        asked = time.monotonic()
        answer = self._stack.get(JWKS)
        assert answer.status == 200
        max_age = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
        assert max_age is not None
        self._until = asked + int(max_age[1])
        self._keys = {key["kid"]: _public(key) for key in answer.json()["keys"]}


class Watcher:
    """Looks at the JWKS all the time and knows since when each key has been in it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.first = frozenset(_kids(stack))
        self.seen_at = dict.fromkeys(self.first, float("-inf"))

    @contextmanager
    def running(self) -> Iterator["Watcher"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(LOOK):
            began = time.monotonic()
            for kid in _kids(self._stack):
                self.seen_at.setdefault(kid, began)


def _kids(stack: Stack) -> list[str]:
    return [key["kid"] for key in stack.get(JWKS).json()["keys"]]


def _public(jwk: dict[str, Any]) -> RSAPublicKey:
    n, e = (int.from_bytes(decode(jwk[member])) for member in ("n", "e"))
    return RSAPublicNumbers(e, n).public_key()
