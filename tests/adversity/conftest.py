"""The stack that the tests of this folder break, one after another."""

from collections.abc import Iterator

import pytest

from tests.stack import Stack


@pytest.fixture(scope="package")
def one_stack() -> Iterator[Stack]:
    with Stack().running() as stack:
        yield stack


@pytest.fixture
def victim(one_stack: Stack) -> Stack:
    """One process of each kind, running: whatever the test before has left behind."""
    if one_stack.up is None or one_stack.up.poll() is not None:
        one_stack.start()
    return one_stack
