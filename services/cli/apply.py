"""`limen apply FILE`: bring a tenant to what a file says, after a look at what that changes."""

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.cli.configuration import difference, document, keywords, own, place, present, showing, steps, wanted
from services.cli.configuration.carrying_out import CarryingOut
from services.cli.configuration.difference import Change
from services.cli.configuration.issued import Issued
from services.cli.configuration.management import Management
from services.cli.configuration.present import Present
from services.cli.configuration.section import Configuration, shown_name
from services.cli.errors import FAILED, OK, USAGE, Refused
from services.cli.stack import say


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Apply; 0 when the tenant is as the file says, 1 when it is not."""
    given = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal of another alphabet does not stop us half-way
    members = document.read(keywords.replaced(_text(given.file), environ))
    configuration, ignored = wanted.configuration(members, ignores_unknown=given.ignore_unknown)
    for each in ignored:
        _tell_ignored(each)
    where = place.found(environ, given.domain, given.ca)
    try:
        return asyncio.run(_apply(given, where, configuration))
    except BrokenPipeError as error:
        # Whoever read our output has left; that must not look like a tenant that is as the file says.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Refused("the output was cut off: run it again to see what is left to do.") from error


def parser() -> argparse.ArgumentParser:
    """What may be said."""
    parser = argparse.ArgumentParser(prog="limen apply", description=__doc__)
    parser.add_argument("file", metavar="FILE", help="YAML in the shape of Auth0's tenant.yaml; - is standard input")
    parser.add_argument("--yes", action="store_true", help="do not ask before acting")
    parser.add_argument("--dry-run", action="store_true", help="only show what differs; 1 when something does")
    parser.add_argument("--delete", action="store_true", help="delete what a section of the file does not name")
    parser.add_argument("--ignore-unknown", action="store_true", help="pass over what does not exist here, and list it")
    parser.add_argument(
        "--secrets", metavar="FILE", help="where new secrets go, a JSON line each; - is standard output"
    )
    add_place(parser)
    return parser


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options that say where."""
    parser.add_argument(
        "--domain", metavar="URL", help="the tenant; default: LIMEN_DOMAIN, or the stack that runs here"
    )
    parser.add_argument("--ca", metavar="FILE", help="trust this CA; default: the system's, or that of the stack")


def _text(path: str) -> str:
    try:
        data = sys.stdin.buffer.read(4 * document.LARGEST + 1) if path == "-" else Path(path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}.", USAGE) from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8.", USAGE) from error


async def _apply(given: argparse.Namespace, where: place.Place, configuration: Configuration) -> int:
    async with Management.opened(where) as management:
        tenant = _Tenant(management, where.client_id, configuration, given)
        there, changes = await tenant.looked()
        if given.ignore_unknown and there.own_name in own.named(configuration):
            _tell_ignored(f"{shown_name(there.own_name)}: the application this command speaks with")
        if not changes:
            say("no change")
            return OK
        _show(where, changes)
        if given.dry_run:
            return FAILED
        _require_consent(given, where)
        issued = Issued.opened(changes, given.secrets)
        try:
            left = await tenant.changed(there, changes, issued)
            _tell_behind(management.behind)
            return _compared(left)
        finally:
            issued.close()


@dataclass(frozen=True)
class _Tenant:
    """A tenant, and what is wanted of it."""

    management: Management
    own_id: str
    configuration: Configuration
    given: argparse.Namespace

    async def looked(self) -> tuple[Present, list[Change]]:
        """What is there, and what differs."""
        there = await present.asked(self.management, self.own_id, self.configuration)
        is_lenient = self.given.ignore_unknown
        wanted = own.passed_over(self.configuration, there.own_name) if is_lenient else self.configuration
        return there, difference.changes(wanted, there, deletes=self.given.delete)

    async def changed(self, there: Present, changes: list[Change], issued: Issued) -> list[Change]:
        """Make the changes; what differs after them."""
        await CarryingOut(self.management, there, issued, say).run(steps.ordered(changes))
        there, left = await self.looked()
        if uninvited := steps.uninvited(changes, left):
            await CarryingOut(self.management, there, issued, say).run(uninvited)
            _, left = await self.looked()
        return left


def _tell_ignored(what: str) -> None:
    print(f"ignored: {what}", file=sys.stderr)  # noqa: T201 - beside the answer


def _tell_behind(names: set[str]) -> None:
    if names:
        who = ", ".join(shown_name(each) for each in sorted(names))
        print(f"slow to hear of it: {who}; once they have, apply the file again", file=sys.stderr)  # noqa: T201


def _compared(left: list[Change]) -> int:
    """Whether the tenant is now as the file says; a rule of the API may keep a property otherwise."""
    if not left:
        return OK
    say("still different, because the API keeps it so:")
    for line in showing.lines(left):
        say(line)
    return FAILED


def _show(where: place.Place, changes: list[Change]) -> None:
    for line in showing.lines(changes):
        say(line)
    say(f"{where.issuer}: {showing.summary(changes)}")


def _require_consent(given: argparse.Namespace, where: place.Place) -> None:
    if given.yes:
        return
    if given.file == "-" or not sys.stdin.isatty():
        raise Refused("nothing is changed: without a terminal to ask at, say --yes.", USAGE)
    if input(f"Change {where.issuer}? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise Refused("nothing is changed.")
