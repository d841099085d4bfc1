-- Appending, as functions: their plans are kept by each connection, where statements sent as text are planned each time.

CREATE FUNCTION append_facts(events jsonb) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    WITH given AS (
        SELECT ordinality AS n, e->>'tenant' AS tenant, e->>'stream' AS stream, (e->>'version')::int AS version,
            (e->>'id')::uuid AS id, e->>'type' AS type, (e->>'v')::smallint AS v, e->'data' AS data, e->'meta' AS meta
        FROM jsonb_array_elements(events) WITH ORDINALITY AS given(e, ordinality)
    ), moved AS (
        UPDATE head SET pos = pos + (SELECT count(*) FROM given) WHERE log = 'facts' RETURNING pos
    )
    INSERT INTO facts (pos, tenant, stream, version, id, type, v, data, meta, at)
    SELECT moved.pos - (SELECT count(*) FROM given) + n, tenant, stream, version, id, type, v, data, meta,
        clock_timestamp()
    FROM given, moved ORDER BY n;
END
$body$;
COMMENT ON FUNCTION append_facts IS 'Moves head and inserts facts, an array of objects in their order; the last of a transaction.';

CREATE FUNCTION append_activity(events jsonb) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    WITH given AS (
        SELECT ordinality AS n, e->>'tenant' AS tenant, (e->>'id')::uuid AS id, e->>'type' AS type,
            (e->>'v')::smallint AS v, e->'data' AS data, e->'meta' AS meta
        FROM jsonb_array_elements(events) WITH ORDINALITY AS given(e, ordinality)
    ), moved AS (
        UPDATE head SET pos = pos + (SELECT count(*) FROM given) WHERE log = 'activity' RETURNING pos
    )
    INSERT INTO activity (pos, tenant, id, type, v, data, meta, at)
    SELECT moved.pos - (SELECT count(*) FROM given) + n, tenant, id, type, v, data, meta, clock_timestamp()
    FROM given, moved ORDER BY n;
END
$body$;
COMMENT ON FUNCTION append_activity IS 'The same for the activity log.';
