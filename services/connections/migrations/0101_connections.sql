-- Connections and the applications that may use them. Folded from the facts of the streams `connection-<id>`.

CREATE TABLE connections (
    tenant        text        NOT NULL,
    connection_id text        NOT NULL,
    version       int         NOT NULL,
    name          text        NOT NULL,
    strategy      text        NOT NULL,
    properties    jsonb       NOT NULL,
    is_deleted    boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, connection_id)
);
CREATE UNIQUE INDEX connections_name ON connections (tenant, lower(name)) WHERE NOT is_deleted;
COMMENT ON TABLE  connections               IS 'The ways to sign in, those that were deleted too: their ids are never used again.';
COMMENT ON COLUMN connections.tenant        IS 'Whose connection it is; folded.';
COMMENT ON COLUMN connections.connection_id IS 'con_ and 16 letters and digits; folded.';
COMMENT ON COLUMN connections.version       IS 'Version of the stream the row is folded from; folded.';
COMMENT ON COLUMN connections.name          IS 'What applications ask for it by; no two of a tenant share one, whatever its case; folded.';
COMMENT ON COLUMN connections.strategy      IS 'The kind of connection, auth0 for a database of people; folded.';
COMMENT ON COLUMN connections.properties    IS 'What the Management API was told, completed with defaults; folded.';
COMMENT ON COLUMN connections.is_deleted    IS 'Whether it is gone; folded.';
COMMENT ON COLUMN connections.created_at    IS 'When the row was made; authoritative.';
COMMENT ON COLUMN connections.updated_at    IS 'When the row was last written; authoritative.';

CREATE TABLE connection_clients (
    tenant        text NOT NULL,
    connection_id text NOT NULL,
    client_id     text NOT NULL,
    PRIMARY KEY (tenant, connection_id, client_id),
    FOREIGN KEY (tenant, connection_id) REFERENCES connections
);
CREATE INDEX connection_clients_client ON connection_clients (tenant, client_id);
COMMENT ON TABLE  connection_clients               IS 'Which applications may use a connection; a row is there while they may.';
COMMENT ON COLUMN connection_clients.tenant        IS 'Whose connection it is; folded.';
COMMENT ON COLUMN connection_clients.connection_id IS 'The connection; folded.';
COMMENT ON COLUMN connection_clients.client_id     IS 'The application; folded.';
