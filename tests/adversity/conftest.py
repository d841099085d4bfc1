"""The stack that the tests of this folder break, one after another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.adversity.crowd import AT_ONCE
from tests.adversity.feed import ACK_WAIT, Listener, require_heard
from tests.stack import Stack


@pytest.fixture(scope="session")
def one_stack() -> Iterator[Stack]:
    with Stack(environ={"LIMEN_FEED_ACK_WAIT": f"{ACK_WAIT}s"}, on_disk=True).running() as stack:
        yield stack


@pytest.fixture
def victim(one_stack: Stack) -> Stack:
    """One process of each kind, running: whatever the test before has left behind."""
    if one_stack.up is None or one_stack.up.poll() is not None:
        one_stack.start()
    return one_stack


@pytest.fixture(scope="session")
def one_listener(one_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with Listener(tmp_path_factory.mktemp("listener")).running(one_stack) as listener:
        yield listener


@pytest.fixture
def listener(victim: Stack, one_listener: Listener) -> Iterator[Listener]:
    """A subscriber that has listened all the time; whatever a test broke, at its end it has heard everything."""
    yield one_listener
    require_heard(victim, one_listener)


@pytest.fixture(scope="session")
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool
