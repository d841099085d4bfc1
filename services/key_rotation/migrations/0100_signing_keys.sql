-- Signing keys. All columns but `wrapped` are folded from the facts of the stream `signing-keys`.

CREATE TABLE key_lines (
    tenant  text PRIMARY KEY,
    version int  NOT NULL
);
COMMENT ON TABLE  key_lines         IS 'One row per tenant that has keys; its lock orders what happens to them.';
COMMENT ON COLUMN key_lines.tenant  IS 'Whose keys; folded.';
COMMENT ON COLUMN key_lines.version IS 'Version of the stream the keys are folded from; folded.';

CREATE TABLE signing_keys (
    tenant       text        NOT NULL,
    kid          text        NOT NULL,
    alg          text        NOT NULL,
    jwk          jsonb       NOT NULL,
    published_at timestamptz NOT NULL,
    active_from  timestamptz NOT NULL,
    is_revoked   boolean     NOT NULL,
    wrapped      bytea       NOT NULL,
    PRIMARY KEY (tenant, kid)
);
COMMENT ON TABLE  signing_keys              IS 'Every key a tenant ever published.';
COMMENT ON COLUMN signing_keys.tenant       IS 'Whose key it is; folded.';
COMMENT ON COLUMN signing_keys.kid          IS 'The id of the key; folded.';
COMMENT ON COLUMN signing_keys.alg          IS 'The one algorithm it signs with; folded.';
COMMENT ON COLUMN signing_keys.jwk          IS 'What is published of it: public numbers and a certificate; folded.';
COMMENT ON COLUMN signing_keys.published_at IS 'Since when it is in the JWKS; folded.';
COMMENT ON COLUMN signing_keys.active_from  IS 'When it begins to sign, until a later one does; folded.';
COMMENT ON COLUMN signing_keys.is_revoked   IS 'Whether it is not to be believed any more; folded.';
COMMENT ON COLUMN signing_keys.wrapped      IS 'The private key under a key-encryption key that is never in this database; authoritative.';

CREATE INDEX signing_keys_schedule ON signing_keys (tenant, alg, active_from) WHERE NOT is_revoked;
COMMENT ON INDEX signing_keys_schedule IS 'Finds tenants whose next key has become current, each second.';
