"""Stops that were asked for, stops that were not, and a database that comes back older than its mirrors."""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.adversity.load import Load, require_tokens_or_come_back, summary, until_tokens
from tests.adversity.record import head, require_committed, require_exact_mirrors
from tests.stack import Stack, until


@pytest.mark.security("RL-21")
def test_a_stop_under_load_fails_no_request_and_loses_no_token(victim: Stack) -> None:
    before = head(victim)
    with Load(victim).running() as load:
        until_tokens(load)
        assert victim.stop() == 0
        assert not victim.pids()
    require_tokens_or_come_back(load.calls)
    victim.start()
    tokens = require_committed(victim, load.calls)
    # What ran was answered: where a connection failed, it had ended before the request was read.
    assert head(victim) - before == tokens, summary(load.calls)
    require_exact_mirrors(victim)


def test_killed_without_a_word_it_takes_everything_along_and_starts_again(victim: Stack) -> None:
    with Load(victim).running() as load:
        until_tokens(load)
        victim.stop(signal.SIGKILL)
        until(lambda: not victim.pids(), 15, lambda: str(victim.pids()))
    victim.start()
    require_committed(victim, load.calls)
    require_exact_mirrors(victim)


@pytest.mark.security("RL-09")
def test_a_restored_older_database_issues_nothing_and_says_what_to_do(victim: Stack) -> None:
    assert victim.stop() == 0
    database = place_of_postgres(victim)
    older = database.with_name("older")
    copy(database, older)
    victim.start()
    for _ in range(3):
        victim.access_token()
    require_exact_mirrors(victim)
    assert victim.stop() == 0
    shutil.rmtree(database)
    older.rename(database)
    with Load(victim).running() as load:
        victim.begin()
        until(lambda: "limen restored" in what_token_lacks(victim), 30, victim.story)
        before = head(victim)
        until(lambda: any(call.status == 503 for call in load.calls), 10, victim.story)
        assert "limen restored" in what_token_lacks(victim)
    assert {call.status for call in load.calls} <= {0, 503}, summary(load.calls)
    assert head(victim) == before
    assert victim.stop() == 0


def what_token_lacks(stack: Stack) -> str:
    """What `/readyz` of `token` says is missing; nothing while it does not answer yet."""
    if not stack.pid_of("token"):
        return ""
    try:
        return stack.admin("token", "/readyz").body.decode()
    except OSError:
        return ""


def place_of_postgres(stack: Stack) -> Path:
    """Where its database is: for root perhaps outside the data directory."""
    note = stack.data.path / "postgres-at"
    return Path(note.read_text().strip()) if note.exists() else stack.data.path / "postgres"


def copy(source: Path, target: Path) -> None:
    """A copy with owners and modes, as a backup of files is."""
    subprocess.run(["cp", "-a", source, target], check=True)
