"""Numbered SQL files applied once each, in order, under a lock; and the check that a service runs with its schema.

A service runs with schema n or n+1: expand in one release, contract in the next. A file that was applied and then
changed is refused, because nobody could say what the database looks like.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Final

import asyncpg

from libs.postgres.database import connect
from libs.postgres.errors import DatabaseAway, translated
from libs.postgres.rows import Connection

LOCK: Final = 0x4C494D454E  # "LIMEN": one migration at a time in a database

TURN: Final = "30s"
"""How long to wait for whoever migrates this database at the moment."""

TABLE: Final = "2s"
"""How long to wait for a table. Whoever wants to read it meanwhile waits behind us, so that beside a backup that holds
it for minutes the service would answer nothing for as long as we insist: rather try again, and let others pass. It is
longer than `deadlock_timeout`, a second, after which autovacuum gives way to whoever waits for it."""


class SchemaMismatch(Exception):
    """The schema is not one this release runs with; the message says what to do."""


@dataclass(frozen=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def files(folder: Traversable) -> list[Migration]:
    """The migrations in `folder`, by number; the name is `0001_what_it_does.sql`."""
    found = [_read(file) for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted(found, key=lambda migration: migration.number)


def _read(file: Traversable) -> Migration:
    number, _, name = file.name.removesuffix(".sql").partition("_")
    return Migration(int(number), name, file.read_text())


async def migrate(url: str, schema: str, migrations: Sequence[Migration]) -> list[Migration]:
    """Apply to `schema` what it lacks; returns what was applied. Each file is one transaction.

    Raises:
        SchemaMismatch: a file was changed since it was applied.
        DatabaseAway: it does not serve, or somebody holds what is to be changed; what was applied stays, try again.
    """
    connection = await connect(url, name=f"limen migrate {schema}")
    try:
        with translated():
            try:
                return await _migrated(connection, schema, migrations)
            except asyncpg.LockNotAvailableError as error:
                held = f"somebody holds the schema {schema}, a backup perhaps: run `limen migrate` again later"
                raise DatabaseAway(held) from error
    finally:
        await connection.close()


async def _migrated(connection: Connection, schema: str, migrations: Sequence[Migration]) -> list[Migration]:
    await connection.execute(f"SET transaction_timeout = 0; SET search_path = {schema}; SET lock_timeout = '{TURN}'")
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    await connection.execute(f"SET lock_timeout = '{TABLE}'")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number int PRIMARY KEY, name text NOT NULL, "
        "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    pending = _pending(migrations, await _applied(connection), schema)
    for migration in pending:
        await _apply(connection, migration)
    return pending


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations (number, name, checksum) VALUES ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.checksum,
        )


async def _applied(connection: Connection) -> dict[int, str]:
    rows = await connection.fetch("SELECT number, checksum FROM migrations")
    return {row["number"]: row["checksum"] for row in rows}


def _pending(migrations: Iterable[Migration], applied: dict[int, str], schema: str) -> list[Migration]:
    pending = []
    for migration in migrations:
        known = applied.get(migration.number)
        if known is None:
            pending.append(migration)
        elif known != migration.checksum:
            raise SchemaMismatch(
                f"migration {migration.number} of {schema} was applied with another text: restore the file"
            )
    return pending


async def require_schema(connection: Connection, schema: str, migrations: Sequence[Migration]) -> None:
    """Refuse to run unless the schema is this release's or the next one's.

    Raises:
        SchemaMismatch: with one line that says what to run.
    """
    there = await connection.fetchval("SELECT to_regclass($1)", f"{schema}.migrations")
    rows = await connection.fetch(f"SELECT number FROM {schema}.migrations") if there else []  # noqa: S608
    applied, wanted = {row["number"] for row in rows}, {migration.number for migration in migrations}
    reached, needed = max(applied, default=0), max(wanted)
    if missing := wanted - applied:
        stands = f"is at {reached}" if min(missing) > reached else f"lacks {min(missing)}"
        raise SchemaMismatch(f"schema {schema} {stands}, this release needs {needed}: run `limen migrate`")
    if reached > needed + 1:
        raise SchemaMismatch(
            f"schema {schema} is at {reached}, this release runs with {needed} or {needed + 1}: deploy a newer release"
        )
