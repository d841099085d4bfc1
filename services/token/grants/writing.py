"""What the token endpoint commits: issued tokens and refused requests, each batch by one statement.

Issuing verifies in the same statement that every row a token was decided from is still the one that was read, that the
proof of the client has not ended by the database's clock, that its assertion was not spent, and that its address is not
over the limit. What does not hold is left out, and the endpoint is told why.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from libs.eventstore import Context, Event
from libs.eventstore.envelope import meta
from libs.eventstore.events import encoded
from libs.runtime.ids import uuid7
from services.token.events import CATALOGUE
from services.token.grants.authentication import SpentAssertion
from services.token.grants.signing import Draft
from services.token.grants.standing import Api, Standing

COLUMNS: Final = """tenant, tenant_version, client_id, client_version, api_id, api_version, valid_until,
                             counter, assertion, assertion_ends, id, type, v, data, meta"""
TYPES: Final = """$1::text[], $2::bigint[], $3::text[], $4::int[], $5::text[], $6::int[], $7::timestamptz[],
                         $8::bytea[], $9::bytea[], $10::timestamptz[], $11::uuid[], $12::text[], $13::smallint[],
                         $14::jsonb[], $15::jsonb[]"""
"""What every token's statement is given, a list per column; `$16` is the limit of failures."""

KEPT: Final = """
judged AS MATERIALIZED (
    SELECT g.*, f.until, CASE
        WHEN t.tenant IS NULL OR c.client_id IS NULL OR (g.api_id IS NOT NULL AND r.id IS NULL) THEN 'stale'
        WHEN g.valid_until <= clock_timestamp() THEN 'stale'
        WHEN f.failures >= $16 THEN 'limited' END AS refusal
    FROM given g
    LEFT JOIN tenants_v1 t ON t.tenant = g.tenant AND t.version = g.tenant_version
    LEFT JOIN clients c ON c.tenant = g.tenant AND c.client_id = g.client_id AND c.version = g.client_version
    LEFT JOIN resource_servers r ON r.tenant = g.tenant AND r.id = g.api_id AND r.version = g.api_version
    LEFT JOIN failures f ON f.tenant = g.tenant AND f.key = g.counter AND f.until > clock_timestamp()
), spent AS (
    INSERT INTO spent_assertions (tenant, key, expires_at)
    SELECT tenant, assertion, assertion_ends FROM judged WHERE refusal IS NULL AND assertion IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING tenant, key
), kept AS MATERIALIZED (
    SELECT j.*, CASE WHEN j.refusal IS NULL AND j.assertion IS NOT NULL AND s.key IS NULL THEN 'replayed'
                     ELSE j.refusal END AS final
    FROM judged j LEFT JOIN spent s ON s.tenant = j.tenant AND s.key = j.assertion
)"""
"""Which of the given are still what they were decided from, and whose assertions are used now."""

ISSUE: Final = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest({TYPES})
    WITH ORDINALITY AS given({COLUMNS}, n)
), {KEPT}, moved AS (
    UPDATE head SET pos = pos + (SELECT count(*) FROM kept WHERE final IS NULL) WHERE log = 'activity'
    RETURNING pos - (SELECT count(*) FROM kept WHERE final IS NULL) AS base
), written AS (
    INSERT INTO activity (pos, tenant, id, type, v, data, meta, at)
    SELECT moved.base + row_number() OVER (ORDER BY n), tenant, id, type, v, data, meta, clock_timestamp()
    FROM kept, moved WHERE final IS NULL
)
SELECT n::int AS n, final AS refusal, until FROM kept
"""  # noqa: S608  # of constants

REFUSE: Final = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::timestamptz[], $5::uuid[], $6::text[],
                         $7::smallint[], $8::jsonb[], $9::jsonb[])
    WITH ORDINALITY AS given(tenant, counter, assertion, assertion_ends, id, type, v, data, meta, n)
), spent AS (
    INSERT INTO spent_assertions (tenant, key, expires_at)
    SELECT tenant, assertion, assertion_ends FROM given WHERE assertion IS NOT NULL
    ON CONFLICT DO NOTHING
), counted AS (
    INSERT INTO failures (tenant, key, failures, until)
    SELECT tenant, counter, 1, clock_timestamp() + interval '1 minute' FROM given WHERE counter IS NOT NULL
    ON CONFLICT (tenant, key) DO UPDATE SET
        failures = CASE WHEN failures.until <= clock_timestamp() THEN 1 ELSE failures.failures + 1 END,
        until = CASE WHEN failures.until <= clock_timestamp() THEN excluded.until ELSE failures.until END
    RETURNING tenant, key, failures, until
), kept AS MATERIALIZED (
    SELECT g.*, c.until, CASE WHEN c.failures > $10 THEN 'limited' END AS final
    FROM given g LEFT JOIN counted c ON c.tenant = g.tenant AND c.key = g.counter
), moved AS (
    UPDATE head SET pos = pos + (SELECT count(*) FROM kept WHERE final IS NULL) WHERE log = 'activity'
    RETURNING pos - (SELECT count(*) FROM kept WHERE final IS NULL) AS base
), written AS (
    INSERT INTO activity (pos, tenant, id, type, v, data, meta, at)
    SELECT moved.base + row_number() OVER (ORDER BY n), tenant, id, type, v, data, meta, clock_timestamp()
    FROM kept, moved WHERE final IS NULL
)
SELECT n::int AS n, final AS refusal, until FROM kept
"""


class Happened(NamedTuple):
    """An event on its way to the activity log."""

    event: Event
    context: Context
    occurred_at: datetime

    def columns(self) -> tuple[UUID, str, int, str, str]:
        """Id, type, version, data, meta."""
        event = self.event
        name = CATALOGUE.name_of(type(event))
        return uuid7(), name, event.v, encoded(event), meta(self.context, self.occurred_at)


class Issue(NamedTuple):
    """A token to be issued: what it was decided from, and its event."""

    standing: Standing
    api: Api | None
    valid_until: datetime | None
    counter: bytes
    spent: SpentAssertion | None
    happened: Happened
    draft: Draft

    def keys(self) -> tuple[str, ...]:
        """The state rows it changes."""
        return (f"assertion {self.spent.key.hex()}",) if self.spent else ()


class Refusal(NamedTuple):
    """A refused request: whether it counts against its address, and its event."""

    tenant: str
    counter: bytes | None
    spent: SpentAssertion | None
    happened: Happened

    def keys(self) -> tuple[str, ...]:
        """The state rows it changes."""
        counted = (f"failures {self.tenant} {self.counter.hex()}",) if self.counter else ()
        return (*counted, f"assertion {self.spent.key.hex()}") if self.spent else counted


def issue_columns(item: Issue) -> tuple[Any, ...]:
    """An item's value in each of `COLUMNS`."""
    return (
        item.standing.tenant,
        item.standing.tenant_version,
        item.standing.client_id,
        item.standing.client_version,
        item.api and item.api.id,
        item.api and item.api.version,
        item.valid_until,
        item.counter,
        item.spent and item.spent.key,
        item.spent and item.spent.expires_at,
        *item.happened.columns(),
    )


def issue_arguments(items: Sequence[Issue], limit: int) -> Sequence[Any]:
    """The parameters of `ISSUE`, a list per column."""
    return [*map(list, zip(*map(issue_columns, items), strict=True)), limit]


def refuse_arguments(items: Sequence[Refusal], limit: int) -> Sequence[Any]:
    """The parameters of `REFUSE`, a list per column."""
    rows = [
        (
            item.tenant,
            item.counter,
            item.spent and item.spent.key,
            item.spent and item.spent.expires_at,
            *item.happened.columns(),
        )
        for item in items
    ]
    return [*map(list, zip(*rows, strict=True)), limit]
