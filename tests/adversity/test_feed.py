"""The feed and its subscribers, killed under load: nothing is missed, and nobody waits for who does not listen."""

import time

from tests.adversity.feed import Listener, require_heard
from tests.adversity.load import SERVES_AGAIN, Load, until_tokens
from tests.adversity.record import require_exact_mirrors
from tests.stack import Stack, until


def test_a_killed_audit_publishes_everything_once_and_stops_nobody(victim: Stack, listener: Listener) -> None:
    with Load(victim).running() as load:
        for _ in range(2):
            until_tokens(load)
            killed = time.monotonic()
            pid = victim.kill("audit")
            victim.await_back("audit", not_pid=pid, within=SERVES_AGAIN)
            until(lambda killed=killed: load.tokens_since(killed), SERVES_AGAIN)  # type: ignore[misc]
        until_tokens(load)
    assert {call.status for call in load.calls} == {200}, "tokens do not wait for the feed"
    require_heard(victim, listener)
    require_exact_mirrors(victim)


def test_a_killed_subscriber_hears_again_what_it_did_not_acknowledge_before_what_is_new(
    victim: Stack, listener: Listener
) -> None:
    with Load(victim).running() as load:
        until_tokens(load)
        heard = len(listener.heard)
        until(lambda: len(listener.heard) > heard, 10)
        listener.kill()
        until_tokens(load)
        listener.start(victim)
        until_tokens(load)
    require_heard(victim, listener)


def test_who_acknowledges_nothing_slows_nobody_and_is_shown(victim: Stack, listener: Listener) -> None:
    added = victim.limen("subscriber", "add", "silent", "--events", "auth.v1.*.token.>")
    assert added.returncode == 0, added.stderr
    with Load(victim).running() as load:
        until_tokens(load)
        until_tokens(load)
    require_heard(victim, listener)
    shown = victim.limen("subscriber", "list").stdout
    (line,) = [each for each in shown.splitlines() if each.startswith("silent")]
    assert int(line.split("\t")[3].split()[0]) >= len([call for call in load.calls if call.status == 200])
    assert victim.limen("subscriber", "remove", "silent").returncode == 0
    assert "silent" not in victim.limen("subscriber", "list").stdout
