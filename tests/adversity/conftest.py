"""The stack that the tests of one module break, one after another."""

from collections.abc import Iterator

import pytest

from tests.stack import Stack


@pytest.fixture(scope="module")
def victim() -> Iterator[Stack]:
    """One process of each kind; every test leaves it running and well."""
    with Stack().running() as stack:
        yield stack
