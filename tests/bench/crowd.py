"""Owns the crowd: as many people as asked, who fill the tables and their indexes."""

from typing import Final

from libs.postgres import connect
from tests.stack import Stack

FILL: Final = """
WITH model AS (SELECT * FROM login.people WHERE tenant = 'default' LIMIT 1), many AS (
    INSERT INTO login.people (tenant, person, version, connection_id, connection, provider, sealed_user_id, sealed,
        email_verified, has_password, is_blocked, endings, user_id, email, name, profile, valid_from, created_at,
        updated_at)
    SELECT tenant, 'crowd' || n, version, connection_id, connection, provider, sealed_user_id, sealed, email_verified,
        has_password, is_blocked, endings, 'auth0|crowd' || n, 'crowd-' || n || '@people.bench',
        'crowd-' || n || '@people.bench', profile, valid_from, created_at, updated_at
    FROM model, generate_series($1::int, $2::int) AS n RETURNING person
), keys AS (
    INSERT INTO login.person_keys SELECT tenant, 'crowd' || n, wrapped
    FROM model JOIN login.person_keys USING (tenant, person), generate_series($1::int, $2::int) AS n
), lookups AS (
    INSERT INTO login.person_lookups SELECT tenant, connection_id, 'email', sha256(('crowd' || n)::bytea), 1,
        'crowd' || n
    FROM model, generate_series($1::int, $2::int) AS n
)
INSERT INTO login.passwords SELECT tenant, 'crowd' || n, phc, changed_at
FROM model JOIN login.passwords USING (tenant, person), generate_series($1::int, $2::int) AS n
"""
"""A crowd of copies of somebody, as large as asked: they fill the tables and their indexes, and nobody signs in as one.
"""

CHUNK: Final = 50_000


async def crowded(stack: Stack, first: int, last: int) -> None:
    """Let there be so many people."""
    connection = await connect(stack.env["LIMEN_POSTGRES_URL"], name="bench")
    try:
        for start in range(first, last, CHUNK):
            await connection.execute(FILL, start, min(start + CHUNK, last) - 1, timeout=300)
        await connection.execute("VACUUM ANALYZE login.people, login.person_lookups, login.passwords", timeout=300)
    finally:
        await connection.close()
