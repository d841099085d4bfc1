"""What is committed when a person's token is issued: a code spent and its grant begun, or a refresh token used.

Each batch is one statement, as `writing` has it for applications in their own name. Rows are locked in the order of
their keys, so that two processes with the same rows do not wait for each other; then come the facts' head and the
activity's, as everywhere.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.token.grants.grant import Redemption, Renewal
from services.token.grants.writing import COLUMNS, KEPT, TYPES, Happened, Issue, issue_columns
from services.token.rules.refresh_token import MOST_RETRIES

REDEEM: Final = f"""
WITH guard AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(hashtextextended('rebuild token', 0))
), given AS MATERIALIZED (
    SELECT * FROM unnest({TYPES}, $17::bytea[], $18::bytea[], $19::bytea[], $20::jsonb[], $21::timestamptz[],
                         $22::uuid[], $23::text[], $24::smallint[], $25::jsonb[], $26::jsonb[])
    WITH ORDINALITY AS given({COLUMNS}, code, handle, salt, requested, idle,
                             fact_id, fact_type, fact_v, fact, fact_meta, n), guard
), {KEPT}, locked AS MATERIALIZED (
    SELECT tenant, sha256 FROM codes
    WHERE (tenant, sha256) IN (SELECT tenant, code FROM kept WHERE final IS NULL) AND spent_at IS NULL
    ORDER BY tenant, sha256 FOR UPDATE
), redeemed AS (
    UPDATE codes SET spent_at = clock_timestamp(), grant_id = kept.fact->>'grant_id'
    FROM kept JOIN locked ON locked.tenant = kept.tenant AND locked.sha256 = kept.code
    WHERE codes.tenant = kept.tenant AND codes.sha256 = kept.code AND kept.final IS NULL
        AND codes.spent_at IS NULL AND codes.expires_at > clock_timestamp()
    RETURNING codes.tenant, codes.sha256
), done AS MATERIALIZED (
    SELECT kept.*, CASE WHEN kept.final IS NULL AND redeemed.sha256 IS NULL THEN 'spent' ELSE kept.final END AS outcome
    FROM kept LEFT JOIN redeemed ON redeemed.tenant = kept.tenant AND redeemed.sha256 = kept.code
), started AS (
    INSERT INTO grants (tenant, grant_id, version, handle, salt, requested, idle_expires_at, client_id, person,
                        session_id, scope, audience, auth_time, acr, amr, org_id, cnf, resource, act, is_offline,
                        created_at, expires_at)
    SELECT tenant, fact->>'grant_id', 1, handle, salt, requested, idle, fact->>'client_id', fact->>'person',
        fact->>'session_id', ARRAY(SELECT jsonb_array_elements_text(fact->'scope')), fact->>'audience',
        (fact->>'auth_time')::timestamptz, fact->>'acr', ARRAY(SELECT jsonb_array_elements_text(fact->'amr')),
        fact->>'org_id', nullif(fact->'cnf', 'null'), ARRAY(SELECT jsonb_array_elements_text(fact->'resource')),
        nullif(fact->'act', 'null'), (fact->>'is_offline')::boolean, (fact->>'started_at')::timestamptz,
        (fact->>'expires_at')::timestamptz
    FROM done WHERE outcome IS NULL
), decided AS (
    UPDATE head SET pos = pos + (SELECT count(*) FROM done WHERE outcome IS NULL) WHERE log = 'facts'
    RETURNING pos - (SELECT count(*) FROM done WHERE outcome IS NULL) AS base
), recorded AS (
    INSERT INTO facts (pos, tenant, stream, version, id, type, v, data, meta, at)
    SELECT decided.base + row_number() OVER (ORDER BY n), tenant, 'grant-' || (fact->>'grant_id'), 1,
        fact_id, fact_type, fact_v, fact, fact_meta, clock_timestamp()
    FROM done, decided WHERE outcome IS NULL
), moved AS (
    UPDATE head SET pos = pos + (SELECT count(*) FROM done WHERE outcome IS NULL)
    WHERE log = 'activity' AND EXISTS (SELECT FROM decided)
    RETURNING pos - (SELECT count(*) FROM done WHERE outcome IS NULL) AS base
), written AS (
    INSERT INTO activity (pos, tenant, id, type, v, data, meta, at)
    SELECT moved.base + row_number() OVER (ORDER BY n), tenant, id, type, v, data, meta, clock_timestamp()
    FROM done, moved WHERE outcome IS NULL
)
SELECT n::int AS n, outcome AS refusal, until, 0 AS generation FROM done
"""  # noqa: S608  # of constants

RENEW: Final = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest({TYPES}, $17::bytea[], $18::int[], $19::int[], $20::boolean[], $21::float8[],
                         $22::timestamptz[])
    WITH ORDINALITY AS given({COLUMNS}, handle, epoch, presented, rotates, leeway, idle, n)
), {KEPT}, locked AS MATERIALIZED (
    SELECT tenant, handle FROM grants
    WHERE (tenant, handle) IN (SELECT tenant, handle FROM kept WHERE final IS NULL)
    ORDER BY tenant, handle FOR UPDATE
), renewed AS (
    UPDATE grants SET
        generation = grants.generation + CASE WHEN kept.rotates AND grants.generation = kept.presented
                                              THEN 1 ELSE 0 END,
        retries = CASE WHEN grants.generation = kept.presented THEN 0 ELSE grants.retries + 1 END,
        retry_until = CASE WHEN kept.rotates AND grants.generation = kept.presented
                           THEN clock_timestamp() + kept.leeway * interval '1 second' ELSE grants.retry_until END,
        idle_expires_at = kept.idle,
        last_exchanged_at = clock_timestamp()
    FROM kept JOIN locked ON locked.tenant = kept.tenant AND locked.handle = kept.handle
    WHERE grants.tenant = kept.tenant AND grants.handle = kept.handle AND kept.final IS NULL
        AND grants.epoch = kept.epoch
        AND (grants.expires_at IS NULL OR grants.expires_at > clock_timestamp())
        AND (grants.idle_expires_at IS NULL OR grants.idle_expires_at > clock_timestamp())
        AND (grants.generation = kept.presented
             OR (kept.rotates AND grants.generation = kept.presented + 1
                 AND grants.retry_until > clock_timestamp() AND grants.retries < {MOST_RETRIES}))
    RETURNING grants.tenant, grants.handle, grants.generation
), done AS MATERIALIZED (
    SELECT kept.*, renewed.generation,
        CASE WHEN kept.final IS NULL AND renewed.handle IS NULL THEN 'moved' ELSE kept.final END AS outcome
    FROM kept LEFT JOIN renewed ON renewed.tenant = kept.tenant AND renewed.handle = kept.handle
), moved AS (
    UPDATE head SET pos = pos + (SELECT count(*) FROM done WHERE outcome IS NULL) WHERE log = 'activity'
    RETURNING pos - (SELECT count(*) FROM done WHERE outcome IS NULL) AS base
), written AS (
    INSERT INTO activity (pos, tenant, id, type, v, data, meta, at)
    SELECT moved.base + row_number() OVER (ORDER BY n), tenant, id, type, v, data, meta, clock_timestamp()
    FROM done, moved WHERE outcome IS NULL
)
SELECT n::int AS n, outcome AS refusal, until, generation FROM done
"""  # noqa: S608  # of constants


class Redeem(NamedTuple):
    """A token to be issued for a code, with the fact of its grant."""

    issue: Issue
    change: Redemption
    fact: Happened

    def keys(self) -> tuple[str, ...]:
        """The state rows it changes."""
        return (*self.issue.keys(), f"code {self.issue.standing.tenant} {self.change.code.hex()}")


class Renew(NamedTuple):
    """A token to be issued for a refresh token."""

    issue: Issue
    change: Renewal

    def keys(self) -> tuple[str, ...]:
        """The state rows it changes."""
        return (*self.issue.keys(), f"grant {self.issue.standing.tenant} {self.change.seed.handle.hex()}")


def redeem_arguments(items: Sequence[Redeem], limit: int) -> Sequence[Any]:
    """The parameters of `REDEEM`, a list per column, the limit in its place."""
    return _in_place([(*issue_columns(item.issue), *_redeem_columns(item)) for item in items], limit)


def renew_arguments(items: Sequence[Renew], limit: int) -> Sequence[Any]:
    """The parameters of `RENEW`, a list per column, the limit in its place."""
    return _in_place([(*issue_columns(item.issue), *_renew_columns(item.change)) for item in items], limit)


def _redeem_columns(item: Redeem) -> tuple[Any, ...]:
    change = item.change
    return (
        change.code,
        change.seed.handle,
        change.seed.salt,
        change.requested,
        change.idle_expires_at,
        *item.fact.columns(),
    )


def _renew_columns(change: Renewal) -> tuple[Any, ...]:
    seed = change.seed
    return seed.handle, seed.epoch, change.presented, change.rotates, float(change.leeway), change.idle_expires_at


def _in_place(rows: Sequence[tuple[Any, ...]], limit: int) -> Sequence[Any]:
    columns = [*map(list, zip(*rows, strict=True))]
    return [*columns[:15], limit, *columns[15:]]
