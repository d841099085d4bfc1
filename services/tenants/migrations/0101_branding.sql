-- How a tenant's pages look and ask; and the pictures on them, which are served from here and from nowhere else.

ALTER TABLE tenants ADD COLUMN branding jsonb NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN pictures jsonb NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN prompts jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN tenants.branding IS 'How the pages look, without defaults; folded.';
COMMENT ON COLUMN tenants.pictures IS 'The versions of the pictures that are served; folded.';
COMMENT ON COLUMN tenants.prompts  IS 'How the pages ask, without defaults; folded.';

CREATE TABLE pictures (
    tenant       text        NOT NULL REFERENCES tenants,
    name         text        NOT NULL,
    content_type text        NOT NULL,
    content      bytea       NOT NULL,
    version      text        NOT NULL,
    fetched_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, name)
);
COMMENT ON TABLE  pictures              IS 'Pictures of a tenant''s pages. Authoritative: some were fetched, once.';
COMMENT ON COLUMN pictures.tenant       IS 'Whose pages.';
COMMENT ON COLUMN pictures.name         IS 'logo or favicon.';
COMMENT ON COLUMN pictures.content_type IS 'What it is, told by its content.';
COMMENT ON COLUMN pictures.content      IS 'The picture, at most 32 KiB.';
COMMENT ON COLUMN pictures.version      IS 'Tells it from any other; the beginning of its SHA-256.';
COMMENT ON COLUMN pictures.fetched_at   IS 'When it was given or fetched.';
