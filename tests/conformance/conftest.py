"""A provider with what the OpenID Foundation's plans want beforehand: two static clients and somebody who signs in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.browser import Browser, browsing
from tests.relying_party import Account, Application, RelyingParty, account, register
from tests.stack import Stack

PROFILE = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "nickname": "ada",
    "picture": "https://pictures.example/ada.png",
    "middle_name": "King",
    "preferred_username": "ada.lovelace",
    "profile": "https://people.example/ada",
    "website": "https://ada.example/",
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
}
ADDRESS = {"formatted": "12 St James's Square\nLondon", "locality": "London", "country": "GB"}
PHONE = "+442012345678"


@pytest.fixture(scope="session")
def provider(tls: Stack) -> Stack:
    """`limen up --tls`, as everybody has it."""
    return tls


@pytest.fixture(scope="session")
def ada(provider: Stack) -> Account:
    return account(provider, **PROFILE, address=ADDRESS, phone_number=PHONE, phone_verified=True)


@pytest.fixture(scope="session")
def first_client(provider: Stack) -> Application:
    return register(provider)


@pytest.fixture(scope="session")
def second_client(provider: Stack) -> Application:
    return register(provider)


MakeParty = Callable[..., RelyingParty]


@pytest.fixture
def party(provider: Stack) -> Iterator[MakeParty]:
    """Makes relying parties that are closed in the end."""
    with ExitStack() as at_end:

        def made(application: Application, **options: object) -> RelyingParty:
            one = RelyingParty(provider, application, **options)  # type: ignore[arg-type]
            at_end.callback(one.close)
            return one

        yield made


@pytest.fixture
def browser(provider: Stack) -> Iterator[Browser]:
    """A browser in which nobody has signed in."""
    with browsing(provider) as one:
        yield one
