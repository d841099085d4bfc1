"""`limen migrate`: roles and schemas as this release needs them; safe to run again, by several at once."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final, TypeVar

from libs.eventstore.opening import migrations_of
from libs.postgres import DatabaseAway, NotAdmitted, SchemaMismatch, migrate, translated
from libs.settings import Secret, load
from services.cli.errors import OK, Refused
from services.cli.roles import ROLES, apply_roles, passwords_in

T = TypeVar("T")

STORES: Final = ("tenants", "token", "login", "connections", "key_rotation", "audit")
"""The services with a schema."""

PATIENCE: Final = 30.0
"""Seconds to wait for a database that is still starting."""

SCHEMA: Final = 3
"""The exit code when a schema is not one this release can bring forward."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a service's schema is."""

    postgres_url: Secret
    """Postgres, with the service's role."""


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Apply what is missing and say what it was."""
    parser = argparse.ArgumentParser(prog="limen migrate", description="Bring roles and schemas to this release.")
    parser.add_argument("--service", action="append", choices=STORES, help="only this service (may be repeated)")
    parser.add_argument("--no-roles", action="store_true", help="leave roles and schemas as they are")
    given = parser.parse_args(arguments)
    try:
        asyncio.run(_migrated(given.service or STORES, environ, with_roles=not given.no_roles))
    except SchemaMismatch as error:
        raise Refused(str(error), SCHEMA) from error
    except NotAdmitted as error:
        raise Refused(str(error)) from error
    return OK


async def _migrated(services: Sequence[str], environ: Mapping[str, str], *, with_roles: bool) -> None:
    urls = {name: load(Address, environ, service=name).postgres_url.reveal() for name in services}
    admin = environ.get("LIMEN_POSTGRES_URL")
    if with_roles and admin:
        await _patiently(lambda: _applied_roles(admin, passwords_in(urls)))
        _say("roles: as in deploy/postgres/roles.sql")
    for name, url in urls.items():
        await _one(name, url)


async def _applied_roles(admin: str, passwords: Mapping[str, str]) -> None:
    try:
        with translated():
            await apply_roles(admin, passwords)
    except NotAdmitted as error:
        raise Refused(
            f"{error}: LIMEN_POSTGRES_URL may not make roles; make them from {ROLES}, then --no-roles"
        ) from error


async def _one(name: str, url: str) -> None:
    applied = await _patiently(lambda: migrate(url, name, migrations_of(name)))
    done = ", ".join(f"{each.number:04d}_{each.name}" for each in applied)
    _say(f"{name}: applied {done}" if done else f"{name}: nothing to do")


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    until = monotonic() + PATIENCE
    while True:
        try:
            return await work()
        except DatabaseAway:
            if monotonic() > until:
                raise
            await asyncio.sleep(0.3)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line speaks by printing
