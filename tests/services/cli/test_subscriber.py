"""`limen subscriber`, and what the credentials it makes are good for: one durable consumer, and nothing else."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import nats
import pytest
from nats.aio.client import Client

from services.cli.embedded import accounts
from services.cli.embedded.accounts import Accounts
from services.cli.main import command
from services.cli.subscriber import is_served
from tests.adversity.tenants import create_tenant
from tests.stack import Stack, until

URL: Final = "LIMEN_SUBSCRIBER_URL"


def added(stack: Stack, name: str, *arguments: str) -> dict[str, str]:
    """A new subscriber's variables."""
    done = stack.limen("subscriber", "add", name, *arguments)
    assert done.returncode == 0, done.stderr
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {variable: "".join(shlex.split(value)) for variable, _, value in pairs}


def removed(stack: Stack, name: str) -> None:
    done = stack.limen("subscriber", "remove", name)
    assert done.returncode == 0, done.stderr


def listed(stack: Stack, name: str) -> list[str]:
    """A subscriber's line, in its fields; none when it is not there."""
    found = [line.split("\t") for line in stack.limen("subscriber", "list").stdout.splitlines()]
    return next((fields for fields in found if fields[0] == name), [])


@pytest.fixture(scope="module")
def clients_only(stack: Stack) -> Iterator[dict[str, str]]:
    """A subscriber of what happens to the default tenant's applications, from the beginning."""
    yield added(stack, "clients-only", "--events", "auth.v1.default.client.>", "--from", "1")
    removed(stack, "clients-only")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[Client, asyncio.Queue[str]]]:
    """A plain client, and what the server complains about."""
    complaints: asyncio.Queue[str] = asyncio.Queue()

    async def complain(error: Exception) -> None:
        await complaints.put(str(error).lower())

    client = await nats.connect(url, allow_reconnect=False, error_cb=complain)
    try:
        yield client, complaints
    finally:
        await client.close()


async def given(variables: dict[str, str], count: int) -> list[Any]:
    """The next events, acknowledged."""
    async with connected(variables[URL]) as (client, _):
        consumer, stream = variables["LIMEN_SUBSCRIBER_CONSUMER"], variables["LIMEN_SUBSCRIBER_STREAM"]
        events = await client.jetstream().pull_subscribe_bind(consumer, stream)
        found: list[Any] = []
        async with asyncio.timeout(20):
            while len(found) < count:
                try:
                    batch = await events.fetch(count - len(found), timeout=1)
                except TimeoutError:
                    continue
                for event in batch:
                    await event.ack()
                found += batch
        await client.flush()
        return found


async def test_an_applications_life_is_heard_as_cloud_events(stack: Stack) -> None:
    variables = added(stack, "life", "--events", "auth.v1.*.client.>")
    try:
        client_id = stack.management("POST", "clients", json={"name": "Heard"}).json()["client_id"]
        assert stack.management("POST", f"clients/{client_id}/rotate-secret").status == 200
        assert stack.management("DELETE", f"clients/{client_id}").status == 204
        heard = await given(variables, 4)
    finally:
        removed(stack, "life")
    subject = f"auth.v1.default.client.{client_id}"
    names = ("registered", "secret_issued", "secret_rotated", "deleted")
    assert [event.subject for event in heard] == [f"{subject}.{name}" for name in names]
    first = heard[0].headers
    assert (first["ce-specversion"], first["ce-type"]) == ("1.0", "auth.v1.client.registered")
    assert (first["ce-source"], first["ce-subject"], first["ce-tenant"]) == (
        "urn:limen:token",
        f"client/{client_id}",
        "default",
    )
    assert first["content-type"] == "application/json"
    assert {"ce-id", "ce-time", "ce-epoch", "ce-actor", "ce-requestid", "traceparent"} <= set(first)
    places = [int(event.headers["ce-sequence"]) for event in heard]
    assert places == sorted(set(places))
    assert json.loads(heard[0].data) == {
        "client_id": client_id,
        "name": "Heard",
        "app_type": None,
        "is_first_party": True,
    }


async def test_tokens_and_failures_are_heard_without_anybodys_address(stack: Stack) -> None:
    variables = added(stack, "tokens", "--events", "auth.v1.>")
    try:
        assert stack.token().status == 200
        assert stack.token(client_secret="wrong").status == 401
        assert stack.token(client_id="a.stranger > *").status == 401
        heard = await given(variables, 3)
    finally:
        removed(stack, "tokens")
    own = stack.env["LIMEN_CLIENT_ID"]
    kinds = [event.headers["ce-type"].removeprefix("auth.v1.") for event in heard]
    assert kinds == ["token.issued", "client.authentication_failed", "client.authentication_failed"]
    assert heard[1].subject == f"auth.v1.default.client.{own}.authentication_failed"
    assert heard[2].subject == "auth.v1.default.client.unknown.authentication_failed"
    told = "".join(f"{event.headers} {event.data.decode()}" for event in heard)
    assert "127.0.0.1" not in told
    assert "stranger" not in told


@pytest.mark.security("AD-02")
async def test_a_subscriber_sees_nothing_beyond_its_filter(stack: Stack, clients_only: dict[str, str]) -> None:
    create_tenant(stack, "unheard").require_whole()
    client_id = stack.management("POST", "clients", json={"name": "Last"}).json()["client_id"]
    try:
        until(lambda: listed(stack, "clients-only")[3].split()[0] != "0", 10)
        async with connected(clients_only[URL]) as (client, _):
            events = await client.jetstream().pull_subscribe_bind("clients-only", "AUTH")
            seen: list[str] = []
            async with asyncio.timeout(20):
                while not any(client_id in subject for subject in seen):
                    for event in await events.fetch(100, timeout=5):
                        seen.append(event.subject)
                        await event.ack()
    finally:
        stack.management("DELETE", f"clients/{client_id}")
    assert {subject.split(".")[2] for subject in seen} == {"default"}
    assert {subject.split(".")[3] for subject in seen} == {"client"}


PUBLISHED: Final = (
    "auth.v1.default.client.x.registered",
    "evt.token.client_registered",
    "act.token.token_issued",
    "svc.v1.tenants.list",
    "svc.v1.audit.add",
    "edge.v1.token",
    "nudge.v1.token.facts",
    "applied.v1.token.facts",
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.INFO.AUTH",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.DELETE.AUTH",
    "$JS.API.STREAM.PURGE.AUTH",
    "$JS.API.STREAM.MSG.GET.AUTH",
    "$JS.API.STREAM.MSG.GET.EVT_TOKEN_0",
    "$JS.API.DIRECT.GET.AUTH",
    "$JS.API.CONSUMER.CREATE.AUTH.mine.auth.v1.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.AUTH.mine",
    "$JS.API.CONSUMER.DELETE.AUTH.clients-only",
    "$JS.API.CONSUMER.MSG.NEXT.AUTH.example",
    "$JS.API.CONSUMER.MSG.NEXT.EVT_TOKEN_0.clients-only",
    "$JS.ACK.AUTH.example.1.1.1.1.0",
    "$SYS.REQ.SERVER.PING",
    "_INBOX_token.x",
)

HEARD: Final = ("auth.v1.>", "evt.>", "act.>", "svc.v1.>", "edge.v1.>", "_INBOX_gateway.>", "$JS.API.>", "$SYS.>", ">")


async def denied(url: str, act: Callable[[Client], Any]) -> bool:
    """Whether the server complains about it."""
    async with connected(url) as (client, complaints):
        await act(client)
        await client.publish("never.allowed", b"")
        complaint = await asyncio.wait_for(complaints.get(), 5)
        assert "permissions violation" in complaint
        return "never.allowed" not in complaint


@pytest.mark.security("HD-04")
@pytest.mark.parametrize("subject", PUBLISHED)
async def test_a_subscriber_may_not_publish(clients_only: dict[str, str], subject: str) -> None:
    assert await denied(clients_only[URL], lambda client: client.publish(subject, b"{}"))


@pytest.mark.security("HD-04")
@pytest.mark.parametrize("subject", HEARD)
async def test_a_subscriber_may_not_hear(clients_only: dict[str, str], subject: str) -> None:
    assert await denied(clients_only[URL], lambda client: client.subscribe(subject))


async def test_one_subscribers_inbox_is_not_anothers(stack: Stack, clients_only: dict[str, str]) -> None:
    """Each has an account of its own: what is on `_INBOX.>` there is only what was sent to itself."""
    async with connected(clients_only[URL]) as (listening, _), connected(stack.env[URL]) as (asking, _):
        overheard = await listening.subscribe("_INBOX.>")
        await listening.flush()
        inbox = asking.new_inbox()
        own = await asking.subscribe(inbox)
        await asking.publish("$JS.API.CONSUMER.MSG.NEXT.AUTH.example", b'{"batch":1,"no_wait":true}', reply=inbox)
        assert await own.next_msg(timeout=5)
        await listening.flush()
        assert overheard.pending_msgs == 0


async def test_others_go_on_while_one_is_added_and_removed(stack: Stack) -> None:
    async with connected(stack.env[URL]) as (client, complaints):
        events = await client.jetstream().pull_subscribe_bind("example", "AUTH")
        assert await events.fetch(1, timeout=5)
        variables = added(stack, "short-lived")
        async with connected(variables[URL]) as (short, _):
            removed(stack, "short-lived")
            async with asyncio.timeout(10):
                while not short.is_closed:  # noqa: ASYNC110 - the state is another process's
                    await asyncio.sleep(0.02)
        assert not client.is_closed
        assert await events.fetch(1, timeout=5)
        assert complaints.empty()
    assert "short-lived" not in Accounts(stack.data).passwords()
    assert listed(stack, "short-lived") == []
    assert not await is_served(variables[URL], "short-lived")


def test_adding_again_gives_the_same_and_another_filter_is_refused(stack: Stack, clients_only: dict[str, str]) -> None:
    assert added(stack, "clients-only", "--events", "auth.v1.default.client.>") == clients_only
    other = stack.limen("subscriber", "add", "clients-only", "--events", "auth.v1.>")
    assert (other.returncode, other.stdout) == (1, "")
    assert other.stderr == "limen: there is a subscriber clients-only already, for auth.v1.default.client.>\n"


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("UPPER", "auth.v1.>"),
        ("a.b", "auth.v1.>"),
        ("x" * 33, "auth.v1.>"),
        ("good", ">"),
        ("good", "evt.token.>"),
        ("good", "auth.v1.default"),
        ("good", "auth.v1.>.client"),
        ("good", "auth.v1.default.client.a b.registered"),
        ("good", "auth.v1.default.client.x.registered.more"),
    ],
)
def test_what_could_not_be_a_subscriber_is_one_line(
    stack: Stack, capsys: pytest.CaptureFixture[str], name: str, events: str
) -> None:
    code = command(["subscriber", "add", name, "--events", events], stack.environ)
    said = capsys.readouterr().err
    assert code == 1
    assert said.startswith("limen: ")
    assert said.count("\n") == 1
    assert name not in Accounts(stack.data).passwords()


def test_removing_who_is_not_there_is_one_line(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    code = command(["subscriber", "remove", "nobody"], stack.environ)
    assert (code, capsys.readouterr().err) == (1, "limen: there is no subscriber nobody\n")


def test_for_a_server_of_somebody_else_the_account_is_printed(stack: Stack) -> None:
    address = stack.env["LIMEN_NATS_URL"].replace("127.0.0.1", "localhost")
    try:
        done = stack.limen("subscriber", "add", "elsewhere", environ={"LIMEN_NATS_URL": address})
        assert done.returncode == 0, done.stderr
        (url,) = [line.partition("=")[2] for line in done.stdout.splitlines() if line.startswith(URL)]
        password = url.partition("subscriber-elsewhere:")[2].partition("@")[0]
        account = "\n".join(f"# {line}" for line in accounts.account("elsewhere", password).splitlines())
        assert account in done.stdout
    finally:
        removed(stack, "elsewhere")
