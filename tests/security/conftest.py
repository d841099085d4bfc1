"""A client of the one stack that the security tests share."""

import pytest

from tests.security.client import Client
from tests.stack import Stack


@pytest.fixture(scope="session")
def client(stack: Stack) -> Client:
    return Client.of(stack.env)
