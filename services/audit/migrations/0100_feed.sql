-- The feed: what is public of every service's logs, in the order in which it was heard; and who subscribes to it.

INSERT INTO head (log) VALUES ('feed');

CREATE TABLE feed (
    pos       bigint      NOT NULL PRIMARY KEY,
    tenant    text        NOT NULL,
    id        uuid        NOT NULL,
    type      text        NOT NULL,
    v         smallint    NOT NULL,
    entity    text        NOT NULL,
    source    text        NOT NULL,
    data      json        NOT NULL,
    meta      json        NOT NULL,
    code      text,
    client_id text,
    private   json,
    at        timestamptz NOT NULL
) PARTITION BY RANGE (pos);
COMMENT ON TABLE  feed           IS 'What is public, in partitions by position; kept as long as the setting says.';
COMMENT ON COLUMN feed.pos       IS 'Position in the log, gapless, in commit order.';
COMMENT ON COLUMN feed.tenant    IS 'Whose event it is.';
COMMENT ON COLUMN feed.id        IS 'The id of the event it was made of.';
COMMENT ON COLUMN feed.type      IS 'Public name, entity.event.';
COMMENT ON COLUMN feed.v         IS 'Schema of data.';
COMMENT ON COLUMN feed.entity    IS 'What it is about, as the token of a subject.';
COMMENT ON COLUMN feed.source    IS 'The service it happened in.';
COMMENT ON COLUMN feed.data      IS 'What happened, as published.';
COMMENT ON COLUMN feed.meta      IS 'Who, through what, because of what, and when.';
COMMENT ON COLUMN feed.code      IS 'Auth0''s code of it in the tenant''s log; NULL when it is not in there.';
COMMENT ON COLUMN feed.client_id IS 'The application it concerns.';
COMMENT ON COLUMN feed.private   IS 'What the tenant''s log says besides, such as an address; never published.';
COMMENT ON COLUMN feed.at        IS 'Database time of the commit.';
CREATE TABLE feed_default PARTITION OF feed DEFAULT;

CREATE INDEX feed_log    ON feed (tenant, pos) WHERE code IS NOT NULL;
CREATE INDEX feed_client ON feed (tenant, client_id, pos) WHERE code IS NOT NULL;
CREATE INDEX feed_code   ON feed (tenant, code, pos) WHERE code IS NOT NULL;
CREATE INDEX feed_at     ON feed USING brin (at);
COMMENT ON INDEX feed_log    IS 'Pages of a tenant''s log.';
COMMENT ON INDEX feed_client IS 'Of one application.';
COMMENT ON INDEX feed_code   IS 'Of one kind.';
COMMENT ON INDEX feed_at     IS 'Between two moments.';

CREATE TABLE subscribers (
    name       text        PRIMARY KEY,
    version    int         NOT NULL,
    events     text        NOT NULL,
    start      bigint      NOT NULL,
    is_removed boolean     NOT NULL,
    acked      bigint      NOT NULL,
    acked_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE  subscribers            IS 'Who may read the feed, each through a durable consumer of the same name.';
COMMENT ON COLUMN subscribers.name       IS 'Its name; folded.';
COMMENT ON COLUMN subscribers.version    IS 'Version of the stream it is folded from; folded.';
COMMENT ON COLUMN subscribers.events     IS 'The subjects it may see; folded.';
COMMENT ON COLUMN subscribers.start      IS 'The first position it may see; folded.';
COMMENT ON COLUMN subscribers.is_removed IS 'Whether it may not any more; folded.';
COMMENT ON COLUMN subscribers.acked      IS 'Everything up to this position is acknowledged; authoritative, and put back after NATS lost it.';
COMMENT ON COLUMN subscribers.acked_at   IS 'When that last moved.';
