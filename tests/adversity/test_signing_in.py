"""People sign in while services die, and thieves come all at once."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest

from tests.browser import Page
from tests.journey import OFFLINE, ROTATING, Journey, is_refused, journey
from tests.mailbox import link
from tests.relying_party import Account, Attempt, account, public, register
from tests.stack import Stack, until

AT_ONCE: Final = 50
ROUNDS: Final = 20
SOAK_ROUNDS: Final = 200
BACK_WITHIN: Final = 30.0
"""Seconds after a kill in which a person who reloads goes on or starts anew."""

LIMIT: Final = 10
"""Wrong passwords for one identifier from one address, by default."""


# Everybody at once.


@pytest.fixture(scope="module")
def pair() -> Iterator[Stack]:
    """Two replicas of `token`."""
    with Stack(replicas={"token": 2}).running() as stack:
        yield stack


@pytest.fixture(scope="module")
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


@pytest.fixture
def go(pair: Stack) -> Iterator[Journey]:
    with journey(pair) as one:
        yield one


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


@pytest.mark.security("CO-02")
@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(SOAK_ROUNDS, marks=pytest.mark.soak)])
def test_a_code_has_one_winner_however_many_come(go: Journey, crowd: ThreadPoolExecutor, rounds: int) -> None:
    for _ in range(rounds):
        attempt, code = go.code()
        answers = all_at_once(crowd, lambda attempt=attempt, code=code: go.rp.exchange(attempt, code))  # type: ignore[misc]
        assert len(winners(answers)) == 1


@pytest.mark.security("RT-02")
@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(SOAK_ROUNDS, marks=pytest.mark.soak)])
def test_a_refresh_token_has_one_winner_whose_family_ends(
    pair: Stack, go: Journey, crowd: ThreadPoolExecutor, rounds: int
) -> None:
    with journey(pair, public(pair, refresh_token=ROTATING), go.person) as mine:
        for _ in range(rounds):
            token = mine.tokens(scope=OFFLINE).refresh_token
            (won,) = winners(all_at_once(crowd, lambda token=token: mine.rp.renewed(token)))  # type: ignore[misc]
            assert is_refused(mine.rp.renewed(won["refresh_token"])), "it was used again, so nobody has it"


@pytest.mark.security("RT-02")
def test_inside_the_leeway_all_winners_are_one_family(pair: Stack, go: Journey, crowd: ThreadPoolExecutor) -> None:
    with journey(pair, public(pair, refresh_token=ROTATING | {"leeway": 30}), go.person) as mine:
        for _ in range(3):
            token = mine.tokens(scope=OFFLINE).refresh_token
            won = winners(all_at_once(crowd, lambda token=token: mine.rp.renewed(token)))  # type: ignore[misc]
            assert won
            assert len({each["refresh_token"] for each in won}) == 1, "a retry gets the same successor"


# Somebody pulls the plug.


@pytest.fixture(scope="module")
def weak() -> Iterator[Stack]:
    """A stack whose processes die."""
    with Stack().running() as stack:
        yield stack


@pytest.fixture
def person(weak: Stack) -> Account:
    """Somebody, when the stack serves again after the test before."""
    until_serving(weak)
    return account(weak)


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
    weak: Stack, person: Account, name: str
) -> None:
    with journey(weak, person=person) as go:
        attempt = go.rp.attempt(scope=OFFLINE)
        page = go.browser.open(attempt.url)
        killed = weak.kill(name)
        landing = patiently(go, attempt, page)
        code = go.rp.code(attempt, landing)
        answer = until_definite(lambda: go.rp.exchange(attempt, code))
        assert answer.status_code == 200, answer.text
        assert is_refused(until_definite(lambda: go.rp.exchange(attempt, code)))
        weak.await_back(name, not_pid=killed, within=BACK_WITHIN)


@pytest.mark.security("RL-03")
@pytest.mark.parametrize("delays", [(0.02,), pytest.param((0.0, 0.02, 0.05), marks=LONG)], ids=str)
@pytest.mark.parametrize("name", ["login", "postgres"])
def test_no_session_is_there_before_its_steps_are(
    weak: Stack, person: Account, name: str, delays: tuple[float, ...]
) -> None:
    """Killed in the very moment in which the password is compared: signed in wholly, or not at all."""
    for delay in delays:
        until_serving(weak)
        with journey(weak, person=person) as go:
            attempt = go.rp.attempt()
            page = go.browser.open(attempt.url)
            pid = kill_soon(weak, name, delay)
            landing = patiently(go, attempt, page)
            assert go.rp.code(attempt, landing)
            weak.await_back(name, not_pid=pid, within=BACK_WITHIN)
            assert until_definite(lambda go=go: go.rp.http.get(go.rp.attempt(prompt="none").url)).status_code < 500  # type: ignore[misc]


@pytest.mark.security("CO-08")
@pytest.mark.parametrize("delays", [(0.004, 0.02), pytest.param((0.0, 0.004, 0.01, 0.02), marks=LONG)], ids=str)
@pytest.mark.parametrize("name", ["token", "postgres", "nats"])
def test_a_code_gives_one_set_of_tokens_when_a_process_dies_on_the_way(
    weak: Stack, person: Account, name: str, delays: tuple[float, ...]
) -> None:
    with journey(weak, person=person) as go:
        for delay in delays:
            attempt, code = patient_code(go)
            pid = kill_soon(weak, name, delay)
            given = [answer for answer in (asked(lambda: go.rp.exchange(attempt, code)),) if answer is not None]  # noqa: B023
            given += [until_definite(lambda: go.rp.exchange(attempt, code)) for _ in range(2)]  # noqa: B023
            assert len([each for each in given if each.status_code == 200]) <= 1, [each.text for each in given]
            assert is_refused(given[-1])
            weak.await_back(name, not_pid=pid, within=BACK_WITHIN)


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
def test_who_guesses_too_often_is_shut_out_until_the_person_says_so(weak: Stack) -> None:
    with journey(weak) as go:
        guesses(go, LIMIT)
        assert is_shut_out(go)
        other = replace(go.person, email=go.person.email.upper())
        with journey(weak, person=other) as shouting:
            assert is_shut_out(shouting), "the same account under another spelling"
        page = go.browser.open(link(weak, go.person.email, "blocked_account"))
        if page.forms:
            page = go.browser.submit(page)
        assert page.status == 200
        assert not is_shut_out(go)


@pytest.mark.security("LG-04")
def test_what_the_tenant_says_of_guessing_holds_at_the_next_password(weak: Stack) -> None:
    path = "attack-protection/brute-force-protection"
    before = weak.management("GET", path).json()
    assert weak.management("PATCH", path, {"max_attempts": 3}).status == 200
    try:
        with journey(weak) as go:
            guesses(go, 3)
            assert is_shut_out(go)
    finally:
        assert weak.management("PATCH", path, before).json() == before


@pytest.mark.security("RL-03", "LG-04")
def test_failures_are_remembered_by_a_service_that_was_killed(weak: Stack) -> None:
    with journey(weak) as go:
        guesses(go, LIMIT - 2)
        weak.await_back("login", not_pid=weak.kill("login"), within=BACK_WITHIN)
        guesses(go, 2)
        assert is_shut_out(go)


@pytest.mark.security("LG-05")
@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip"])
def test_a_header_is_no_other_address(weak: Stack, header: str) -> None:
    value = "for=10.0.0.{number}" if header == "forwarded" else "10.0.0.{number}"
    with journey(weak) as go:
        guesses(go, LIMIT, **{header: value})
        assert is_shut_out(go)


@pytest.mark.security("LG-06")
def test_guesses_in_one_burst_are_counted_one_by_one(weak: Stack, crowd: ThreadPoolExecutor) -> None:
    with journey(weak) as victim:
        application = register(weak)

        def guess(number: int) -> bool:
            with journey(weak, application, victim.person) as go:
                password = go.person.password if number == AT_ONCE - 1 else f"a wrong otter {number}"
                return guessed(go, go.authorize(), password).landed is not None

        list(crowd.map(guess, range(AT_ONCE)))
        assert is_shut_out(victim)
