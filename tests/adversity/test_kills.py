"""Servers and services killed or paused under load: what was answered is committed, the rest is told, all come back."""

import shutil
import threading
import time
from typing import Any

import pytest

from libs.runtime.errors import Unavailable
from tests.adversity.load import (
    SERVES_AGAIN,
    Call,
    Load,
    require_tokens_or_come_back,
    summary,
    until_refused,
    until_tokens,
)
from tests.adversity.record import facts, require_committed, require_exact_mirrors, rows
from tests.adversity.tenants import create_tenant
from tests.stack import Answer, Stack, until

pytestmark = pytest.mark.usefixtures("listener")

JWKS = "/.well-known/jwks.json"
DISCOVERY = "/.well-known/openid-configuration"


def until_accepting(stack: Stack) -> None:
    """Wait until Postgres takes connections again."""
    until(lambda: accepts(stack), 20, stack.story)


def accepts(stack: Stack) -> bool:
    try:
        return bool(rows(stack, "SELECT 1"))
    except Unavailable:
        return False


def service_pids(stack: Stack) -> dict[str, int]:
    return {row["name"]: row["pid"] for row in stack.processes() if row["services"]}


def require_recovered(stack: Stack, load: Load) -> None:
    require_tokens_or_come_back(load.calls)
    assert require_committed(stack, load.calls) >= 40
    require_exact_mirrors(stack)


@pytest.mark.security("RL-15")
def test_a_killed_token_service_is_back_and_every_answered_token_is_committed(victim: Stack) -> None:
    with Load(victim).running() as load:
        for _ in range(2):
            until_tokens(load)
            killed = time.monotonic()
            pid = victim.kill("token")
            victim.await_back("token", not_pid=pid, within=SERVES_AGAIN)
            until(lambda killed=killed: load.tokens_since(killed), SERVES_AGAIN - (time.monotonic() - killed))  # type: ignore[misc]
        until_tokens(load)
    require_recovered(victim, load)


READS: dict[str, tuple[str, ...]] = {
    "token": ("clients",),
    "login": ("users",),
    "tenants": ("tenants/settings", "keys/signing", "connections"),
    "audit": ("logs",),
}
"""What is read of each process with a management token."""


@pytest.mark.security("RL-26")
@pytest.mark.parametrize("process", READS)
def test_a_good_token_is_not_refused_by_a_service_that_has_just_come_back(victim: Stack, process: str) -> None:
    bearer = {"authorization": f"Bearer {victim.management_token()}"}
    pid = victim.kill(process)
    answers: set[tuple[str, int]] = set()

    def all_answer() -> bool:
        now = {(path, victim.request("GET", f"/api/v2/{path}", headers=bearer).status) for path in READS[process]}
        answers.update(now)
        return victim.pid_of(process) != pid and {status for _, status in now} == {200}

    until(all_answer, 20, victim.story)
    assert {status for _, status in answers} <= {200, 503}, answers


@pytest.mark.security("RL-11")
def test_a_killed_postgres_costs_no_answered_token_and_no_service_its_process(victim: Stack) -> None:
    before = service_pids(victim)
    with Load(victim).running() as load:
        until_tokens(load)
        pid = victim.kill("postgres")
        until(lambda: victim.pid_of("postgres") not in {0, pid}, 5, victim.story)
        until_accepting(victim)
        until_tokens(load)
    require_recovered(victim, load)
    assert service_pids(victim) == before


@pytest.mark.security("RL-06")
@pytest.mark.security("RL-11")
def test_a_killed_nats_is_a_503_within_a_second_while_public_documents_are_served(victim: Stack) -> None:
    before = service_pids(victim)
    for path in (JWKS, DISCOVERY):
        assert victim.get(path).status == 200
    with Load(victim).running() as load:
        until_tokens(load)
        with victim.nobody_restarts():
            killed = time.monotonic()
            victim.kill("nats")
            until_refused(load, 2)
            assert {victim.get(path).status for path in (JWKS, DISCOVERY) * 5} == {200}
            time.sleep(max(0.0, killed + 1.5 - time.monotonic()))
            assert {victim.get(path).status for path in (JWKS, DISCOVERY)} == {200}
        until_tokens(load)
    require_recovered(victim, load)
    require_told_within_a_second(load.calls, killed)
    assert service_pids(victim) == before


def require_told_within_a_second(calls: list[Call], moment: float) -> None:
    """Whoever was waiting at `moment`, or asked in the second after it, knew within a second."""
    touched = [call for call in calls if call.end > moment and call.at < moment + 1 and call.status != 200]
    assert touched
    assert max(call.end - max(call.at, moment) for call in touched) <= 1.0 + 0.3, summary(touched)


def test_a_paused_nats_is_a_503_at_once_and_a_woken_one_serves(victim: Stack) -> None:
    before = service_pids(victim)
    with Load(victim).running() as load:
        until_tokens(load)
        paused = time.monotonic()
        victim.pause("nats")
        try:
            until_refused(load, 2)
            assert victim.get(JWKS).status == 200
            time.sleep(max(0.0, paused + 3 - time.monotonic()))
        finally:
            victim.resume("nats")
        until_tokens(load)
    require_recovered(victim, load)
    require_told_within_a_second(load.calls, paused)
    assert service_pids(victim) == before


@pytest.mark.security("RL-06")
@pytest.mark.security("RL-07")
def test_an_emptied_nats_is_refilled_with_the_same_events_and_followers_go_on(victim: Stack) -> None:
    pids = service_pids(victim)
    early = create_tenant(victim, "early")
    early.require_whole()
    known = facts(victim)
    with Load(victim).running() as load:
        until_tokens(load)
        with victim.nobody_restarts():
            victim.kill("nats")
            shutil.rmtree(victim.data.nats / "jetstream")
        until_tokens(load)
    require_recovered(victim, load)
    assert facts(victim) == known  # nothing was done a second time
    early.require_whole()
    create_tenant(victim, "late").require_whole()
    require_exact_mirrors(victim)
    assert service_pids(victim) == pids
    verified = victim.limen("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.security("RL-06")
def test_everything_behind_the_services_dies_at_once_and_all_is_as_before(victim: Stack) -> None:
    before = service_pids(victim)
    with Load(victim).running() as load:
        until_tokens(load)
        victim.kill("nats")
        victim.kill("postgres")
        until_refused(load, 2)
        until_accepting(victim)
        until_tokens(load)
    require_recovered(victim, load)
    assert service_pids(victim) == before


@pytest.mark.security("RL-16")
def test_what_is_delivered_a_second_time_changes_nothing(victim: Stack) -> None:
    tables = ("token.tenants_v1", "token.resource_servers", "key_rotation.tenants_v1", "key_rotation.signing_keys")
    create_tenant(victim, "first").require_whole()
    until(lambda: not behind(victim), 5)
    known, before = facts(victim), {table: rows(victim, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}
    for service in ("token", "key_rotation"):
        assert rows(victim, f"UPDATE {service}.checkpoints SET pos = 0 RETURNING name")
    create_tenant(victim, "second").require_whole()  # a follower that finds its checkpoint moved reads from there
    until(lambda: not behind(victim), 10, victim.story)
    for table, found in before.items():
        again = [row for row in rows(victim, f"SELECT * FROM {table} ORDER BY 1, 2") if row["tenant"] != "second"]
        assert again == found, table
    for service, events in known.items():
        added = [
            row["tenant"] for row in rows(victim, f"SELECT tenant FROM {service}.facts WHERE pos > $1", len(events))
        ]
        assert set(added) <= {"second"}, (service, added)
    require_exact_mirrors(victim)


def behind(stack: Stack) -> list[str]:
    """Followers that have not come to the end of their source, or stand."""
    return [
        str(row["name"])
        for service in ("token", "key_rotation")
        for row in rows(
            stack,
            f"SELECT c.name FROM {service}.checkpoints c, tenants.head h WHERE h.log = 'facts' "
            "AND (c.pos < h.pos OR c.halted IS NOT NULL)",
        )
    ]


@pytest.mark.security("KY-05")
@pytest.mark.security("RL-05")
def test_key_rotation_killed_amid_rotations_leaves_one_current_key(victim: Stack) -> None:
    """A rotation is one transaction: wherever the process dies, it is whole or it never was."""
    for moment in (0.01, 0.05, 0.15, 0.3):
        rotation = threading.Thread(target=rotated, args=(victim,))
        rotation.start()
        time.sleep(moment)
        pid = victim.kill("tenants,key_rotation,connections")
        rotation.join()
        victim.await_back("tenants,key_rotation,connections", not_pid=pid, within=SERVES_AGAIN)
        keys = until_listed(victim)
        assert [key["current"] for key in keys].count(True) == 1
        assert [key["next"] for key in keys].count(True) >= 1, "the next key is announced"
        assert victim.token().status == 200
    require_exact_mirrors(victim)


def rotated(stack: Stack) -> None:
    """Ask for a rotation; that nobody answers is what this is about."""
    stack.management("POST", "keys/signing/rotate", json={"alg": "RS256"})


def until_listed(stack: Stack) -> list[dict[str, Any]]:
    """The RS256 keys, as soon as somebody tells them."""
    answers: list[Answer] = []

    def is_told() -> bool:
        answers.append(stack.management("GET", "keys/signing"))
        return answers[-1].status == 200

    until(is_told, SERVES_AGAIN, stack.story)
    return [key for key in answers[-1].json() if key["alg"] == "RS256"]
