-- The tenants. Every column but `created_at` is folded from the facts of the stream `tenant-<id>`.

CREATE TABLE tenants (
    tenant     text        PRIMARY KEY,
    version    int         NOT NULL,
    name       text        NOT NULL,
    domain     text        NOT NULL,
    scheme     text        NOT NULL,
    settings   jsonb       NOT NULL,
    prepared   text[]      NOT NULL,
    is_open    boolean     NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenants_domain UNIQUE (domain)
);
COMMENT ON TABLE  tenants            IS 'Who shares this installation.';
COMMENT ON COLUMN tenants.tenant     IS 'The id of the tenant; folded.';
COMMENT ON COLUMN tenants.version    IS 'Version of the stream the row is folded from; folded.';
COMMENT ON COLUMN tenants.name       IS 'What people call it; folded.';
COMMENT ON COLUMN tenants.domain     IS 'host[:port] in lower case, without the port its scheme implies; no two tenants share one; folded.';
COMMENT ON COLUMN tenants.scheme     IS 'http or https; with the domain it makes the issuer; folded.';
COMMENT ON COLUMN tenants.settings   IS 'The settings that were changed, without defaults; folded.';
COMMENT ON COLUMN tenants.prepared   IS 'Which parts other services have made, sorted; folded.';
COMMENT ON COLUMN tenants.is_open    IS 'Whether the gateway may route to it; folded.';
COMMENT ON COLUMN tenants.created_at IS 'When the row was made; authoritative.';
