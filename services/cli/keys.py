"""`limen keys list|rotate`: signing keys and when they sign, asked of `key_rotation` as the operator."""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from libs.bus import Bus
from libs.edge.asks import AskRefused, ask
from libs.jose import SIGNING_ALGORITHMS
from libs.settings import Secret, load
from services.cli.errors import OK, Refused
from services.cli.stack import connected
from services.key_rotation.commands import SERVICE, KeyAnswer, KeysAnswer, ListKeys, Rotated, RotateKey

ANSWERS_WITHIN: Final = 5.0
COLUMNS: Final = "{:<20} {:<24} {:<6} {:<9} {}"


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the operator asks."""

    nats_url: Secret
    """NATS, with the operator's user."""


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """List the keys, or rotate those of one algorithm and say when the next one signs."""
    given = parsed(arguments)
    url = load(Address, environ).nats_url.reveal()
    try:
        return asyncio.run(_done(given, url))
    except AskRefused as refused:
        raise Refused(str(refused)) from refused


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="limen keys", description="List signing keys, or rotate them.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="every key, when it signs, and where it stands")
    listing.add_argument("--tenant", help="only the keys of this tenant")
    listing.add_argument("--alg", choices=SIGNING_ALGORITHMS, help="only keys of this algorithm")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    rotating = verbs.add_parser("rotate", help="let the next key sign as soon as verifiers can know it")
    rotating.add_argument("--tenant", default="default", help="whose keys (default)")
    rotating.add_argument("--alg", choices=SIGNING_ALGORITHMS, default="RS256", help="of which algorithm (RS256)")
    rotating.add_argument("--json", action="store_true", help="as a JSON object")
    return parser.parse_args(arguments)


async def _done(given: argparse.Namespace, url: str) -> int:
    bus = await connected(url)
    try:
        await (_list(given, bus) if given.verb == "list" else _rotate(given, bus))
    finally:
        await bus.close()
    return OK


async def _list(given: argparse.Namespace, bus: Bus) -> None:
    answer = await ask(bus, SERVICE, "list", ListKeys(tenant=given.tenant), KeysAnswer, timeout=ANSWERS_WITHIN)
    keys = [key for key in answer.keys if given.alg in {None, key.alg}]
    if given.json:
        for key in keys:
            _say(json.dumps(msgspec.to_builtins(key)))
        return
    _say(COLUMNS.format("TENANT", "KID", "ALG", "STANDING", "SIGNS FROM"))
    for key in keys:
        _say(_line(key))


def _line(key: KeyAnswer) -> str:
    place = "revoked" if key.is_revoked else key.standing
    return COLUMNS.format(key.tenant, key.kid, key.alg, place, _time(key.active_from))


async def _rotate(given: argparse.Namespace, bus: Bus) -> None:
    question = RotateKey(tenant=given.tenant, alg=given.alg)
    rotated = await ask(bus, SERVICE, "rotate", question, Rotated, timeout=ANSWERS_WITHIN)
    if given.json:
        _say(json.dumps(msgspec.to_builtins(rotated)))
    else:
        _say(f"{rotated.kid} signs with {rotated.alg} for {given.tenant} from {_time(rotated.active_from)}")


def _time(moment: Any) -> str:
    return str(moment.isoformat(timespec="seconds"))


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a command line speaks by printing
