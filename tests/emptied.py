"""A database that serves test after test: making one takes a processor for longer than most tests of a service do.

@pytest.fixture(scope="session")
def shared(postgres_process):
    with kept(postgres_process, "login") as addresses:
        yield addresses

await empty(database, *(each.name for each in PROJECTIONS))
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from libs.eventstore.opening import migrations_of
from libs.postgres import Database
from tests.servers import Addresses, PostgresServer

EMPTIED: Final = """
DO $$ DECLARE one regclass; BEGIN
    FOR one IN
        SELECT oid FROM pg_class
        WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            AND relname NOT IN ('head', 'migrations')
    LOOP EXECUTE format('DELETE FROM %s', one); END LOOP;
END $$;
UPDATE head SET epoch = DEFAULT, pos = DEFAULT, floor = DEFAULT;
"""


@contextmanager
def kept(postgres: PostgresServer, service: str) -> Iterator[Addresses]:
    """A database with the schema of one service, for many tests one after the other."""
    addresses = asyncio.run(postgres.create({service: migrations_of(service)}))
    try:
        yield addresses
    finally:
        asyncio.run(postgres.drop(addresses))


async def empty(database: Database, *projections: str) -> None:
    """As the migrations left it: no rows, and none of the tables that a test made of these names."""
    dropped = f"DROP TABLE IF EXISTS {', '.join(projections)};" if projections else ""
    async with database.connection() as rows:
        await rows.execute(dropped + EMPTIED.format(schema=database.schema))
