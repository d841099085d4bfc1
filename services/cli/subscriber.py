"""`limen subscriber add NAME --events SUBJECTS`, `limen subscriber remove NAME` and `limen subscriber list`.

A subscriber is a durable consumer of the feed, which `audit` makes, and a NATS account that may use it and nothing
else. Where NATS is `limen up`'s own, the account is written into its configuration and the server reads it again while
it runs; for another server the account is printed.
"""

import argparse
import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from libs.edge.asks import AskRefused, ask
from services.audit.commands import (
    AddSubscriber,
    ListSubscribers,
    RemoveSubscriber,
    SubscriberAnswer,
    SubscribersAnswer,
)
from services.cli import quickstart
from services.cli.datadir import DataDir, read_json
from services.cli.embedded import accounts
from services.cli.embedded.accounts import Accounts
from services.cli.errors import OK, USAGE, Refused
from services.cli.stack import connected, nats_url, quiet, say

EVERYTHING: Final = "auth.v1.>"
ADMITTED_WITHIN: Final = 10.0
PAUSE: Final = 0.1
BAD_REQUEST: Final = b"NATS/1.0 400"


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Add, remove or list subscribers."""
    given = _parser().parse_args(arguments)
    quiet()
    verbs = {"add": _add, "remove": _remove, "list": _list}
    try:
        asyncio.run(verbs[given.verb](given, environ))
    except AskRefused as refusal:
        raise Refused(str(refusal)) from refusal
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="limen subscriber", description="Who reads the public feed of events, and how far they are."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", help="make a subscriber and print how to connect")
    add.add_argument("name", help="a-z, 0-9, _ and -; also the name of its durable consumer")
    add.add_argument("--events", default=EVERYTHING, help="subjects it may see, such as 'auth.v1.*.client.>'")
    add.add_argument("--from", dest="start", type=int, metavar="POS", help="begin at this position; default: now")
    remove = verbs.add_parser("remove", help="end a subscriber: its consumer, and its account where that is ours")
    remove.add_argument("name")
    verbs.add_parser("list", help="list subscribers with their lag")
    return parser


async def _add(given: argparse.Namespace, environ: Mapping[str, str]) -> None:
    if given.start is not None and given.start < 1:
        raise Refused("--from counts from 1.", USAGE)
    command = AddSubscriber(name=given.name, events=given.events, start=given.start)
    bus = await connected(nats_url(environ))
    try:
        added = await ask(bus, "audit", "add", command, SubscriberAnswer, timeout=5)
    finally:
        await bus.close()
    if (own := Own.found(environ)) is None:
        _tell_account(added, environ)
        return
    address = await own.admit(added.name)
    say(quickstart.lines(subscriber(address, added)).rstrip())


def _tell_account(added: SubscriberAnswer, environ: Mapping[str, str]) -> None:
    """What the operator of another server is to do."""
    password = f"p{os.urandom(24).hex()}"
    say("# Put this account into subscribers.conf beside the configuration of NATS and have it read, twice:")
    say("# the first `nats-server --signal reload` makes the account, the second its imports.")
    say("# Its password is shown once.")
    say("\n".join(f"# {line}" for line in accounts.account(added.name, password).splitlines()))
    where = urlsplit(nats_url(environ)).netloc.rpartition("@")[2]
    say(quickstart.lines(subscriber(accounts.url(where, added.name, password), added)).rstrip())


def subscriber(address: str, added: SubscriberAnswer) -> dict[str, str]:
    """What a subscriber's program is told, by its variable."""
    return {
        "LIMEN_SUBSCRIBER_URL": address,
        "LIMEN_SUBSCRIBER_STREAM": added.stream,
        "LIMEN_SUBSCRIBER_CONSUMER": added.name,
    }


async def _remove(given: argparse.Namespace, environ: Mapping[str, str]) -> None:
    bus = await connected(nats_url(environ))
    try:
        await ask(bus, "audit", "remove", RemoveSubscriber(name=given.name), SubscriberAnswer, timeout=5)
    finally:
        await bus.close()
    if (own := Own.found(environ)) is not None:
        own.expel(given.name)
        say(f"{given.name} is removed, and its account with it")
        return
    say(f"{given.name} is removed; take its account out of subscribers.conf and have NATS read it again")


async def _list(_given: argparse.Namespace, environ: Mapping[str, str]) -> None:
    bus = await connected(nats_url(environ))
    try:
        answer = await ask(bus, "audit", "list", ListSubscribers(), SubscribersAnswer, timeout=5)
    finally:
        await bus.close()
    say(f"the feed is at {answer.head}")
    for each in answer.subscribers:
        say(_line(each))


def _line(each: SubscriberAnswer) -> str:
    if each.pending is None or each.lag_seconds is None:
        waiting = "how much waits is not known: NATS does not say"
    else:
        waiting = (
            f"{each.pending} waiting, {each.unacknowledged} unacknowledged, the oldest {each.lag_seconds:.1f} s old"
        )
    return f"{each.name}\t{each.events}\tacknowledged to {each.acked}\t{waiting}"


class Own:
    """The embedded server of a data directory, running."""

    def __init__(self, data: DataDir, pid: int, address: str) -> None:
        self._accounts = Accounts(data)
        self._pid = pid
        self._address = address

    @classmethod
    def found(cls, environ: Mapping[str, str]) -> "Own | None":
        """The one the environment means; `None` when NATS is somebody else's."""
        data = DataDir.of(environ)
        port = read_json(data.ports, {}).get("nats")
        address = urlsplit(nats_url(environ)).netloc.rpartition("@")[2]
        running = [row["pid"] for row in read_json(data.processes, []) if row["name"] == "nats"]
        if not running or address != f"127.0.0.1:{port}":
            return None
        return cls(data, running[0], address)

    async def admit(self, name: str) -> str:
        """Give a subscriber its account; its address, once the server lets it in and gives it messages.

        Raises:
            Refused: the server did not, in time.
        """
        address = accounts.url(self._address, name, self._accounts.keep(name))
        try:
            async with asyncio.timeout(ADMITTED_WITHIN):
                while not await is_served(address, name):
                    # Once is not enough: nats-server 2.15 knows a new account's imports only after a second reload.
                    os.kill(self._pid, signal.SIGHUP)
                    await asyncio.sleep(PAUSE)
        except TimeoutError as error:
            raise Refused(f"NATS does not serve {name}; its log says why") from error
        return address

    def expel(self, name: str) -> None:
        """Take a subscriber's account away; its connection ends."""
        self._accounts.forget(name)
        os.kill(self._pid, signal.SIGHUP)


async def is_served(address: str, name: str) -> bool:
    """Whether the server takes these credentials and hands a pull on to the consumer, which refuses it: it is none."""
    where = urlsplit(address)
    said = {"user": where.username, "pass": where.password, "headers": True, "no_responders": True, "verbose": False}
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
    except OSError:
        return False
    try:
        await reader.readline()  # INFO
        writer.write(b"CONNECT %b\r\nSUB _INBOX.served 1\r\n" % json.dumps(said).encode())
        writer.write(f"PUB {accounts.next_subject(name)} _INBOX.served 1\r\n{{\r\n".encode())
        while answer := await reader.readline():
            if answer.startswith(b"NATS/1.0 "):
                return answer.startswith(BAD_REQUEST)
    except OSError:
        pass
    finally:
        writer.close()
    return False
