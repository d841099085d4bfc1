-- The log of one service: head, facts, activity, and how far its followers and reactions have come.

CREATE TABLE head (
    log   text   PRIMARY KEY,
    epoch int    NOT NULL DEFAULT 1,
    pos   bigint NOT NULL DEFAULT 0,
    floor bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE  head       IS 'One row per log; its lock orders the commits, so positions are gapless and in commit order.';
COMMENT ON COLUMN head.log   IS 'facts or activity.';
COMMENT ON COLUMN head.epoch IS 'Raised when the log was restored from a backup; part of every position.';
COMMENT ON COLUMN head.pos   IS 'Position of the newest event; 0 before the first.';
COMMENT ON COLUMN head.floor IS 'Position of the oldest event still held.';
INSERT INTO head (log) VALUES ('facts'), ('activity');

CREATE TABLE facts (
    pos     bigint      PRIMARY KEY,
    tenant  text        NOT NULL,
    stream  text        NOT NULL,
    version int         NOT NULL,
    id      uuid        NOT NULL UNIQUE,
    type    text        NOT NULL,
    v       smallint    NOT NULL,
    data    jsonb       NOT NULL,
    meta    jsonb       NOT NULL,
    at      timestamptz NOT NULL,
    CONSTRAINT facts_stream_version UNIQUE (tenant, stream, version)
) WITH (autovacuum_vacuum_insert_threshold = 10000);
COMMENT ON TABLE  facts         IS 'What was decided, for ever.';
COMMENT ON COLUMN facts.pos     IS 'Position in the log, gapless, in commit order.';
COMMENT ON COLUMN facts.tenant  IS 'Whose fact it is.';
COMMENT ON COLUMN facts.stream  IS 'The aggregate it belongs to.';
COMMENT ON COLUMN facts.version IS 'Number of the fact within its stream, from 1.';
COMMENT ON COLUMN facts.id      IS 'UUID version 7.';
COMMENT ON COLUMN facts.type    IS 'Name on the wire, service.event.';
COMMENT ON COLUMN facts.v       IS 'Schema of data.';
COMMENT ON COLUMN facts.data    IS 'What happened; never a secret.';
COMMENT ON COLUMN facts.meta    IS 'Who, through what, because of what.';
COMMENT ON COLUMN facts.at      IS 'Database time of the commit.';

CREATE TABLE activity (
    pos    bigint      NOT NULL PRIMARY KEY,
    tenant text        NOT NULL,
    id     uuid        NOT NULL,
    type   text        NOT NULL,
    v      smallint    NOT NULL,
    data   jsonb       NOT NULL,
    meta   jsonb       NOT NULL,
    at     timestamptz NOT NULL
) PARTITION BY RANGE (pos);
COMMENT ON TABLE  activity        IS 'What was done: high volume, decides nothing, kept for some days in partitions by position.';
COMMENT ON COLUMN activity.pos    IS 'Position in the log, gapless, in commit order.';
COMMENT ON COLUMN activity.tenant IS 'Whose activity it is.';
COMMENT ON COLUMN activity.id     IS 'UUID version 7.';
COMMENT ON COLUMN activity.type   IS 'Name on the wire, service.event.';
COMMENT ON COLUMN activity.v      IS 'Schema of data.';
COMMENT ON COLUMN activity.data   IS 'What happened; never a secret.';
COMMENT ON COLUMN activity.meta   IS 'Who, through what, because of what.';
COMMENT ON COLUMN activity.at     IS 'Database time of the commit.';
CREATE TABLE activity_default PARTITION OF activity DEFAULT;

CREATE TABLE checkpoints (
    name       text        PRIMARY KEY,
    source     text        NOT NULL,
    epoch      int         NOT NULL,
    pos        bigint      NOT NULL,
    handles    text[]      NOT NULL,
    halted     text,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE  checkpoints         IS 'How far each following projection and reaction of this service has come.';
COMMENT ON COLUMN checkpoints.name    IS 'The projection with its version, or the reaction: a contract, never renamed.';
COMMENT ON COLUMN checkpoints.source  IS 'The stream it follows.';
COMMENT ON COLUMN checkpoints.epoch   IS 'Epoch of the position.';
COMMENT ON COLUMN checkpoints.pos     IS 'Last position applied.';
COMMENT ON COLUMN checkpoints.handles IS 'Event types it handled when it came here; more of them need a rebuild.';
COMMENT ON COLUMN checkpoints.halted  IS 'Why it stopped at the event after pos; NULL while it runs.';
