"""Fifty who ask the same thing in the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx

AT_ONCE: Final = 50


def all_at_once(crowd: ThreadPoolExecutor, ask: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """The answers to the same question, asked by everybody in the same moment."""
    together = threading.Barrier(AT_ONCE)

    def asked() -> httpx.Response:
        together.wait(30)
        return ask()

    return [each.result(60) for each in [crowd.submit(asked) for _ in range(AT_ONCE)]]


def winners(answers: list[httpx.Response]) -> list[Any]:
    """Those who got tokens; everybody else was refused for the right reason."""
    assert {each.status_code for each in answers} <= {200, 400}, {each.status_code: each.text for each in answers}
    assert {each.json()["error"] for each in answers if each.status_code == 400} <= {"invalid_grant"}
    return [each.json() for each in answers if each.status_code == 200]
