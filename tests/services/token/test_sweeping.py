"""What no longer counts is swept away, however much there is of it."""

import pytest

from services.token.grants.sweeping import FAILURES, SPENT, forget
from tests.services.token.office import Office

PUT = {
    SPENT: """
        INSERT INTO spent_assertions (tenant, key, expires_at)
        SELECT 'a', n::text::bytea, clock_timestamp() + interval '1 hour' * (n - 5)
        FROM generate_series(1, 7) n""",
    FAILURES: """
        INSERT INTO failures (tenant, key, failures, until)
        SELECT 'a', n::text::bytea, 1, clock_timestamp() + interval '1 hour' * (n - 5)
        FROM generate_series(1, 7) n""",
}


@pytest.mark.security("DS-01")
@pytest.mark.parametrize(("statement", "table"), [(SPENT, "spent_assertions"), (FAILURES, "failures")])
async def test_a_sweep_leaves_only_what_still_counts(office: Office, statement: str, table: str) -> None:
    async with office.database.connection() as rows:
        await rows.execute(PUT[statement])
    await forget(office.database, statement, most=2)
    async with office.database.connection() as rows:
        assert await rows.fetchval(f"SELECT count(*) FROM {table}") == 2
