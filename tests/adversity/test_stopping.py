"""Stops that were asked for, and stops that were not."""

import signal

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
