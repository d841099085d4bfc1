"""People sign in while services die, and others guess their passwords."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import httpx
import pytest

from tests.adversity.crowd import AT_ONCE
from tests.browser import Page
from tests.journey import OFFLINE, Journey, is_refused, journey
from tests.mailbox import link
from tests.relying_party import Account, Attempt, account, register
from tests.stack import Stack, until

BACK_WITHIN: Final = 30.0
"""Seconds after a kill in which a person who reloads goes on or starts anew."""

LIMIT: Final = 10
"""Wrong passwords for one identifier from one address, by default."""


# Somebody pulls the plug.


@pytest.fixture
def person(victim: Stack) -> Account:
    """Somebody, when the stack serves again after the test before."""
    until_serving(victim)
    return account(victim)


def until_serving(stack: Stack) -> None:
    """Wait until every service answers."""

    def serves() -> bool:
        authorize, token = stack.get("/authorize"), stack.token()
        return (authorize.status, token.status) == (400, 200) and stack.get("/api/v2/users").status == 401

    until(serves, BACK_WITHIN, stack.story)


LONG: Final = pytest.mark.soak

KILLED: Final = (
    *("login", "token", "postgres"),
    *(pytest.param(name, marks=LONG) for name in ("tenants", "connections", "nats")),
)


@pytest.mark.security("RL-03")
@pytest.mark.parametrize("name", KILLED)
def test_who_reloads_goes_on_when_a_process_was_killed_while_they_typed(
    victim: Stack, person: Account, name: str
) -> None:
    with journey(victim, person=person) as go:
        attempt = go.rp.attempt(scope=OFFLINE)
        page = go.browser.open(attempt.url)
        killed = victim.kill(name)
        landing = patiently(go, attempt, page)
        code = go.rp.code(attempt, landing)
        answer = until_definite(lambda: go.rp.exchange(attempt, code))
        assert answer.status_code == 200, answer.text
        assert is_refused(until_definite(lambda: go.rp.exchange(attempt, code)))
        victim.await_back(name, not_pid=killed, within=BACK_WITHIN)


@pytest.mark.security("RL-03")
@pytest.mark.parametrize("delays", [(0.02,), pytest.param((0.0, 0.02, 0.05), marks=LONG)], ids=str)
@pytest.mark.parametrize("name", ["login", "postgres"])
def test_no_session_is_there_before_its_steps_are(
    victim: Stack, person: Account, name: str, delays: tuple[float, ...]
) -> None:
    """Killed in the very moment in which the password is compared: signed in wholly, or not at all."""
    for delay in delays:
        until_serving(victim)
        with journey(victim, person=person) as go:
            attempt = go.rp.attempt()
            page = go.browser.open(attempt.url)
            pid = kill_soon(victim, name, delay)
            landing = patiently(go, attempt, page)
            assert go.rp.code(attempt, landing)
            victim.await_back(name, not_pid=pid, within=BACK_WITHIN)
            assert until_definite(lambda go=go: go.rp.http.get(go.rp.attempt(prompt="none").url)).status_code < 500  # type: ignore[misc]


@pytest.mark.security("CO-08")
@pytest.mark.parametrize("delays", [(0.004,), pytest.param((0.0, 0.004, 0.01, 0.02), marks=LONG)], ids=str)
@pytest.mark.parametrize("name", ["token", "postgres", "nats"])
def test_a_code_gives_one_set_of_tokens_when_a_process_dies_on_the_way(
    victim: Stack, person: Account, name: str, delays: tuple[float, ...]
) -> None:
    with journey(victim, person=person) as go:
        for delay in delays:
            attempt, code = patient_code(go)
            pid = kill_soon(victim, name, delay)
            given = [answer for answer in (asked(lambda: go.rp.exchange(attempt, code)),) if answer is not None]  # noqa: B023
            given += [until_definite(lambda: go.rp.exchange(attempt, code)) for _ in range(2)]  # noqa: B023
            assert len([each for each in given if each.status_code == 200]) <= 1, [each.text for each in given]
            assert is_refused(given[-1])
            victim.await_back(name, not_pid=pid, within=BACK_WITHIN)


def kill_soon(stack: Stack, name: str, delay: float) -> int:
    """Kill a process a moment from now; its pid."""
    pid = stack.pid_of(name)
    threading.Timer(delay, lambda: stack.kill(name)).start()
    return pid


def patiently(go: Journey, attempt: Attempt, page: Page) -> Page:
    """What a person does: answer the page; when that fails, reload, and when that fails too, begin again."""
    deadline = time.monotonic() + BACK_WITHIN
    while True:
        try:
            landing = page if page.landed else go.browser.sign_in(page, go.person.email, go.person.password)
            if landing.landed and "code" in landing.parameters:
                return landing
        except (AssertionError, httpx.HTTPError):
            landing = page
        assert time.monotonic() < deadline, landing
        time.sleep(0.2)
        try:
            page = go.browser.open(attempt.url)
        except httpx.HTTPError:
            continue


def patient_code(go: Journey) -> tuple[Attempt, str]:
    attempt = go.rp.attempt()
    return attempt, go.rp.code(attempt, patiently(go, attempt, go.browser.open(attempt.url)))


def asked(ask: Callable[[], httpx.Response]) -> httpx.Response | None:
    """An answer that decides, or none."""
    try:
        answer = ask()
    except httpx.HTTPError:
        return None
    return None if answer.status_code >= 500 else answer


def until_definite(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask until somebody decides."""
    found: list[httpx.Response] = []

    def is_decided() -> bool:
        answer = asked(ask)
        if answer is not None:
            found.append(answer)
        return bool(found)

    until(is_decided, BACK_WITHIN)
    return found[0]


# Somebody guesses.


def guesses(go: Journey, times: int, **headers: str) -> Page:
    """Wrong passwords, one after the other, in one browser; the last page."""
    page = go.authorize()
    for number in range(times):
        more = {name: value.format(number=number) for name, value in headers.items()}
        page = guessed(go, page, f"a wrong otter {number}", **more)
    return page


def guessed(go: Journey, page: Page, password: str, **headers: str) -> Page:
    for _ in range(2):
        if page.landed:
            return page
        if not page.asks_for("username", "email", "password"):
            page = go.authorize()
        form = page.form("username", "email", "password")
        given = {"username": go.person.email, "email": go.person.email, "password": password}
        was_password = form.asks_for("password")
        values = {name: value for name, value in given.items() if form.asks_for(name)}
        page = go.browser.submit(page, values, headers=headers)
        if was_password:
            return page
    return page


def is_shut_out(go: Journey) -> bool:
    """Whether even the right password does not help now."""
    return guessed(go, go.authorize(prompt="login"), go.person.password).landed is None


@pytest.mark.security("LG-04")
def test_who_guesses_too_often_is_shut_out_until_the_person_says_so(victim: Stack) -> None:
    with journey(victim) as go:
        guesses(go, LIMIT)
        assert is_shut_out(go)
        other = replace(go.person, email=go.person.email.upper())
        with journey(victim, person=other) as shouting:
            assert is_shut_out(shouting), "the same account under another spelling"
        page = go.browser.open(link(victim, go.person.email, "blocked_account"))
        if page.forms:
            page = go.browser.submit(page)
        assert page.status == 200
        assert not is_shut_out(go)


@pytest.mark.security("LG-04")
def test_what_the_tenant_says_of_guessing_holds_at_the_next_password(victim: Stack) -> None:
    path = "attack-protection/brute-force-protection"
    before = victim.management("GET", path).json()
    assert victim.management("PATCH", path, {"max_attempts": 3}).status == 200
    try:
        with journey(victim) as go:
            guesses(go, 3)
            assert is_shut_out(go)
    finally:
        assert victim.management("PATCH", path, before).json() == before


@pytest.mark.security("RL-03", "LG-04")
def test_failures_are_remembered_by_a_service_that_was_killed(victim: Stack) -> None:
    with journey(victim) as go:
        guesses(go, LIMIT - 2)
        victim.await_back("login", not_pid=victim.kill("login"), within=BACK_WITHIN)
        guesses(go, 2)
        assert is_shut_out(go)


@pytest.mark.security("LG-05")
@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip"])
def test_a_header_is_no_other_address(victim: Stack, header: str) -> None:
    value = "for=10.0.0.{number}" if header == "forwarded" else "10.0.0.{number}"
    with journey(victim) as go:
        guesses(go, LIMIT, **{header: value})
        assert is_shut_out(go)


@pytest.mark.security("LG-06")
def test_guesses_in_one_burst_are_counted_one_by_one(victim: Stack, crowd: ThreadPoolExecutor) -> None:
    with journey(victim) as shut_out:
        application = register(victim)

        def guess(number: int) -> bool:
            with journey(victim, application, shut_out.person) as go:
                return guessed(go, go.authorize(), f"a wrong otter {number}").landed is not None

        assert not any(crowd.map(guess, range(AT_ONCE)))
        assert is_shut_out(shut_out)
