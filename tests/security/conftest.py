"""A client of the one stack that the security tests share, another tenant's client, and somebody who sees it inside."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote
from uuid import uuid1

import pytest

from services.cli.quickstart import read
from services.connections.commands import DATABASE
from tests.journey import OFFLINE, Journey, journey
from tests.relying_party import PASSWORD, Account, account
from tests.security.client import Client, Signer, ToLoopback
from tests.security.insider import Forger, Insider
from tests.stack import Stack, until


@pytest.fixture(scope="session")
def client(stack: Stack) -> Client:
    return Client.of(stack.env)


@pytest.fixture(scope="session")
def other(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Another tenant's management application."""
    made = stack.limen("tenant", "create", "other", "--domain", f"other.example:{stack.port}")
    assert made.returncode == 0, made.stderr
    file = tmp_path_factory.mktemp("other") / "quickstart.env"
    file.write_text(made.stdout)
    client = Client.of(read(file))
    client.http.mount("http://", ToLoopback())
    yield client
    client.http.close()


@pytest.fixture(scope="session")
def insider(stack: Stack) -> Iterator[Insider]:
    with Insider.looking(stack) as one:
        yield one


@pytest.fixture(scope="session")
def forger(insider: Insider, client: Client) -> Forger:
    """Holds the default tenant's signing key."""
    return insider.forger(client)


@pytest.fixture(scope="session")
def mine(client: Client, stack: Stack) -> dict[str, str]:
    """Ids of objects of the default tenant, by the segment of a path that goes before them."""
    return objects_of(client) | signed_in_twice(client, stack)


def objects_of(client: Client) -> dict[str, str]:
    """One object of each kind, made for this."""
    credential = {"credential_type": "public_key", "name": "one", "pem": Signer.new("ES256").pem, "alg": "ES256"}
    methods = {"private_key_jwt": {"credentials": [credential]}}
    app = client.machine("everybody's aim", client_authentication_methods=methods)
    api = client.api()
    # The one that a tenant begins with: in another one, applications that are made later would sign people in too.
    connection = client.manage("GET", f"connections?name={DATABASE}").json()[0]
    # Verified, so that no link is made for a mail a moment later.
    user: dict[str, Any] = {"connection": DATABASE, "email": f"{uuid1().hex}@somewhere.example", "password": PASSWORD}
    user |= {"email_verified": True}
    return {
        "clients": app["client_id"],
        "credentials": app["client_authentication_methods"]["private_key_jwt"]["credentials"][0]["id"],
        "resource-servers": api["id"],
        "audience": api["identifier"],
        "client-grants": client.granted(app["client_id"], api["identifier"], ("read:things",)),
        "signing": client.jwks()["keys"][-1]["kid"],
        "connections": connection["id"],
        "users": (user_id := client.made("users", user)["user_id"]),
        "user-blocks": user_id,
        "jobs": finished_job(client, user_id),
        "logs": first_entry(client),
    }


def finished_job(client: Client, user_id: str) -> str:
    """A job that sent a mail: no link of it is made a moment later."""
    job = client.made("jobs/verification-email", {"user_id": user_id})["id"]
    until(lambda: client.manage("GET", f"jobs/{job}").json()["status"] == "completed", 10)
    return str(job)


def signed_in_twice(client: Client, stack: Stack) -> dict[str, str]:
    """Somebody with two sessions, and an application's refresh token in each."""
    person = account(stack)
    for _ in range(2):
        with journey(stack, person=person, grant_types=["authorization_code", "refresh_token"]) as one:
            assert one.tokens(scope=OFFLINE).refresh_token
    path = f"users/{quote(person.user_id)}"
    return {
        "users": person.user_id,
        "user-blocks": person.user_id,
        "sessions": client.manage("GET", f"{path}/sessions").json()["sessions"][0]["id"],
        "refresh-tokens": client.manage("GET", f"{path}/refresh-tokens").json()["tokens"][0]["id"],
    }


def first_entry(client: Client) -> str:
    """How the oldest entry of a tenant's log is called; it comes there a moment after it happened."""
    until(lambda: client.manage("GET", "logs?take=1").json())
    return str(client.manage("GET", "logs?take=1").json()[0]["log_id"])


@pytest.fixture(scope="session")
def theirs(other: Client) -> dict[str, str]:
    """The same of the other tenant."""
    return objects_of(other)


@pytest.fixture(scope="session")
def ada(stack: Stack) -> Account:
    """Somebody who signs in often, and is not to be changed."""
    return account(stack, name="Ada Lovelace")


@pytest.fixture
def go(stack: Stack, ada: Account) -> Iterator[Journey]:
    """Ada, in a browser of her own, at an application of her own."""
    with journey(stack, person=ada) as one:
        yield one


MakeJourney = Callable[..., Journey]


@pytest.fixture
def begin(stack: Stack) -> Iterator[MakeJourney]:
    """Journeys of this test's own; the arguments are those of `journey`."""
    with ExitStack() as at_end:
        yield lambda **given: at_end.enter_context(journey(stack, **given))
