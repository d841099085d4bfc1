"""Two replicas, while the keys are rotated every second: what one was told, both obey at once, whoever else comes.

The rotations run beside the tests of this module until one of them judges what came of it; `make soak` goes on with
them for a minute more.
"""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from libs.jose.schedule import SKEW
from tests.adversity.crowd import all_at_once, winners
from tests.adversity.feed import ACK_WAIT, Listener, require_heard
from tests.adversity.load import (
    DEADLINE,
    SERVES_AGAIN,
    Load,
    require_tokens_or_come_back,
    summary,
    until_tokens,
)
from tests.adversity.record import require_committed, require_exact_mirrors, rows
from tests.adversity.verifier import Watcher
from tests.journey import OFFLINE, ROTATING, Journey, is_refused, journey
from tests.relying_party import public
from tests.stack import Stack, until

MAX_AGE: Final = 1.0
LASTS: Final = 24.0
LASTS_LONGER: Final = 84.0
EVERY: Final = 1.0
"""Seconds between two rotations."""

LOOKS_LATE: Final = 1.0
"""Seconds by which the watcher may see a key later than it was published; much less than the skew."""

OUT_WITHIN: Final = 10.0
"""Seconds after which a paused replica gets no more requests."""

ROUNDS: Final = 8
SOAK_ROUNDS: Final = 200


@dataclass
class Rotating:
    """Rotations under load, with what was seen of them."""

    stack: Stack
    load: Load
    watcher: Watcher
    began: float = field(default_factory=time.monotonic)
    answers: list[int] = field(default_factory=list)
    ends: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        headers = {"authorization": f"Bearer {self.stack.management_token()}"}
        while not self.ends.wait(EVERY):
            answer = self.stack.request("POST", "/api/v2/keys/signing/rotate", headers=headers)
            self.answers.append(answer.status)


@pytest.fixture(scope="module")
def pair() -> Iterator[Stack]:
    """Two replicas of `token` and of `audit`; verifiers may keep the JWKS for a second."""
    environ = {"LIMEN_JWKS_MAX_AGE": "1s", "LIMEN_FEED_ACK_WAIT": f"{ACK_WAIT}s"}
    with Stack(replicas={"token": 2, "audit": 2}, environ=environ, on_disk=True).running() as stack:
        yield stack


@pytest.fixture(scope="module")
def rotating(pair: Stack) -> Iterator[Rotating]:
    load, watcher = Load(pair, clients=4, pause=0.06, is_verified=True), Watcher(pair)
    with watcher.running(), load.running():
        found = Rotating(pair, load, watcher)
        thread = threading.Thread(target=found.run, daemon=True)
        thread.start()
        yield found
        found.ends.set()
        thread.join(LASTS)


@dataclass(frozen=True)
class Application:
    """An application of this test's own with a grant for the first API."""

    stack: Stack
    client_id: str
    secret: str
    grant_id: str

    @classmethod
    def made(cls, stack: Stack, name: str) -> "Application":
        audience = stack.env["LIMEN_AUDIENCE"]
        client = _created(stack, "clients", {"name": name, "app_type": "non_interactive"})
        grant = _created(stack, "client-grants", {"client_id": client["client_id"], "audience": audience, "scope": []})
        return cls(stack, client["client_id"], client["client_secret"], grant["id"])

    def status(self) -> int:
        """What it is answered when it asks for a token."""
        return self.stack.token(client_id=self.client_id, client_secret=self.secret).status

    def warm(self) -> None:
        """Both replicas keep a copy of its rows; that thirty answers come from one alone happens once in 2^29 times."""
        assert {self.status() for _ in range(30)} == {200}


def _created(stack: Stack, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = stack.management("POST", path, body)
    assert answer.status == 201, answer.body
    created: dict[str, Any] = answer.json()
    return created


CHANGES: Final = {
    "a rotated secret": ("POST", "clients/{0.client_id}/rotate-secret", 200),
    "a deleted client": ("DELETE", "clients/{0.client_id}", 204),
    "a revoked grant": ("DELETE", "client-grants/{0.grant_id}", 204),
}


@pytest.mark.security("RL-26")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("rotating")
def test_both_replicas_refuse_at_once_what_was_taken_back(pair: Stack, change: str) -> None:
    application = Application.made(pair, change)
    application.warm()
    method, path, status = CHANGES[change]
    answer = pair.management(method, path.format(application))
    assert answer.status == status, answer.body
    assert {application.status() for _ in range(30)} <= {400, 401, 403}


@pytest.mark.security("RL-21")
@pytest.mark.usefixtures("rotating")
def test_replicas_that_are_asked_to_stop_one_after_another_lose_no_request(pair: Stack) -> None:
    with Load(pair, clients=6).running() as load:
        for replica in (0, 1):
            pid = pair.signal("token", signal.SIGTERM, replica)
            pair.await_back("token", not_pid=pid, replica=replica)
    assert {call.status for call in load.calls} == {200}, summary(load.calls)
    require_committed(pair, load.calls)


@pytest.mark.security("RL-10")
@pytest.mark.security("RL-19")
@pytest.mark.usefixtures("rotating")
def test_a_paused_replica_is_out_in_ten_seconds_and_answers_nothing_stale_when_it_wakes(pair: Stack) -> None:
    with Load(pair, clients=6).running() as load:
        paused = time.monotonic()
        pair.pause("token", 1)
        try:
            time.sleep(paused + OUT_WITHIN - time.monotonic())
            is_out = time.monotonic()
            until(lambda: len(load.tokens_since(is_out)) >= 100, 5, lambda: str(summary(load.calls)))
            assert not load.refusals_since(is_out), summary(load.calls)
        finally:
            pair.resume("token", 1)
        woken, served = time.monotonic(), answered_by(pair, 1)
        until(lambda: pair.is_ready("token", 1), 10, pair.story)
        until(lambda: answered_by(pair, 1) > served + 20, 10, lambda: str(summary(load.calls)))
    require_tokens_or_come_back(load.calls)
    assert not load.refusals_since(woken), summary(load.calls)
    abandoned = [call.request_id for call in load.calls if call.status == 503]
    assert abandoned
    assert not written_late(pair, abandoned)
    require_committed(pair, load.calls)


def answered_by(stack: Stack, replica: int) -> float:
    """Requests that a replica of `token` has answered."""
    page = stack.admin("token", "/metrics", replica).body.decode()
    lines = [line for line in page.splitlines() if line.startswith("limen_token_requests_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def written_late(stack: Stack, request_ids: list[Any]) -> list[Any]:
    """Events of these requests that were committed after the one who asked had been told that it failed."""
    return rows(
        stack,
        "SELECT pos, at, meta FROM token.activity WHERE meta->>'request_id' = ANY($1::text[]) "
        "AND at > (meta->>'occurred_at')::timestamptz + $2::interval",
        request_ids,
        timedelta(seconds=DEADLINE),
    )


@pytest.mark.security("KY-02")
@pytest.mark.security("KY-04")
@pytest.mark.security("RL-19")
@pytest.mark.parametrize("lasts", [LASTS, pytest.param(LASTS_LONGER, marks=pytest.mark.soak)])
def test_every_token_verifies_with_a_jwks_cached_as_told_while_keys_rotate(
    pair: Stack, rotating: Rotating, lasts: float
) -> None:
    until(lambda: time.monotonic() > rotating.began + lasts, lasts + 1)
    load, watcher = rotating.load, rotating.watcher
    load.end()
    rotating.ends.set()
    refused = [refusal for verifier in load.verifiers for refusal in verifier.refused]
    assert not refused, refused
    assert set(rotating.answers) == {201}
    assert len(rotating.answers) >= lasts / EVERY / 2
    kids = {call.kid for call in load.calls if call.status == 200}
    assert len(kids) >= lasts / EVERY / 4
    assert min(announced_for(load, watcher)) >= MAX_AGE + SKEW.total_seconds() - LOOKS_LATE
    assert not signed_early(pair)
    require_tokens_or_come_back(load.calls)
    require_committed(pair, load.calls)
    require_exact_mirrors(pair)


def announced_for(load: Load, watcher: Watcher) -> list[float]:
    """How long the key of each token had been in the JWKS when the token came; not for the first key."""
    tokens = [call for call in load.calls if call.status == 200]
    return [call.end - watcher.seen_at[call.kid] for call in tokens if call.kid not in watcher.first]


def signed_early(stack: Stack) -> list[Any]:
    """Tokens of a key that had been published less than max-age and skew before; a tenant's first key signs at once."""
    return rows(
        stack,
        "SELECT t.pos FROM token.activity t JOIN key_rotation.signing_keys k ON k.kid = t.data->>'kid' "
        "WHERE t.tenant = k.tenant AND (t.meta->>'occurred_at')::timestamptz < k.published_at + $1::interval "
        "AND k.active_from > k.published_at",
        timedelta(seconds=MAX_AGE) + SKEW,
    )


@pytest.mark.security("RL-16")
def test_two_audits_publish_each_event_once(pair: Stack, tmp_path: Path) -> None:
    with Listener(tmp_path).running(pair) as listener:
        with Load(pair).running() as load:
            for replica in (0, 1):
                until_tokens(load)
                pid = pair.kill("audit", replica)
                pair.await_back("audit", not_pid=pid, within=SERVES_AGAIN, replica=replica)
            until_tokens(load)
        require_heard(pair, listener)
    ids = rows(pair, "SELECT id FROM audit.feed")
    assert len({row["id"] for row in ids}) == len(ids)


# Thieves come all at once.


@pytest.fixture
def go(pair: Stack) -> Iterator[Journey]:
    with journey(pair) as one:
        yield one


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
