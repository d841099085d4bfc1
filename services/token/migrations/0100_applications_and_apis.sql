-- Applications, APIs and what one may ask of the other; what the token endpoint counts and spends.

CREATE TABLE clients (
    tenant     text        NOT NULL,
    client_id  text        NOT NULL,
    version    int         NOT NULL,
    is_deleted boolean     NOT NULL DEFAULT false,
    properties jsonb       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, client_id)
);
COMMENT ON TABLE  clients            IS 'Applications. Folded: version, is_deleted, properties.';
COMMENT ON COLUMN clients.tenant     IS 'Whose application.';
COMMENT ON COLUMN clients.client_id  IS 'RFC 6749 section 2.2; unique in the tenant, for ever.';
COMMENT ON COLUMN clients.version    IS 'Version of its stream: secrets, credentials and grants included.';
COMMENT ON COLUMN clients.is_deleted IS 'Deleted; kept so that the id is never used again.';
COMMENT ON COLUMN clients.properties IS 'What the Management API shows, without secrets.';
COMMENT ON COLUMN clients.created_at IS 'When it was registered.';
COMMENT ON COLUMN clients.updated_at IS 'When it was last changed.';

CREATE TABLE client_secrets (
    tenant     text        NOT NULL,
    client_id  text        NOT NULL,
    secret_id  text        NOT NULL,
    number     int         NOT NULL,
    sha256     bytea       NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (tenant, client_id, secret_id)
);
COMMENT ON TABLE  client_secrets            IS 'Secrets that live. Folded: all but sha256, which is authoritative.';
COMMENT ON COLUMN client_secrets.tenant     IS 'Whose application.';
COMMENT ON COLUMN client_secrets.client_id  IS 'Of which application.';
COMMENT ON COLUMN client_secrets.secret_id  IS 'Names the secret in events.';
COMMENT ON COLUMN client_secrets.number     IS 'Order of issue.';
COMMENT ON COLUMN client_secrets.sha256     IS 'Hash of the secret: 381 random bits need no slow hash.';
COMMENT ON COLUMN client_secrets.expires_at IS 'When it ends; NULL for the newest.';

CREATE TABLE client_credentials (
    tenant          text        NOT NULL,
    client_id       text        NOT NULL,
    credential_id   text        NOT NULL,
    credential_type text        NOT NULL,
    name            text,
    alg             text        NOT NULL,
    kid             text        NOT NULL,
    jwk             jsonb       NOT NULL,
    expires_at      timestamptz,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, client_id, credential_id)
);
COMMENT ON TABLE  client_credentials                 IS 'Public keys for private_key_jwt (RFC 7523). All folded.';
COMMENT ON COLUMN client_credentials.tenant          IS 'Whose application.';
COMMENT ON COLUMN client_credentials.client_id       IS 'Of which application.';
COMMENT ON COLUMN client_credentials.credential_id   IS 'cred_ and 20 characters.';
COMMENT ON COLUMN client_credentials.credential_type IS 'public_key.';
COMMENT ON COLUMN client_credentials.name            IS 'For people.';
COMMENT ON COLUMN client_credentials.alg             IS 'The one algorithm its signatures may use.';
COMMENT ON COLUMN client_credentials.kid             IS 'RFC 7638 thumbprint.';
COMMENT ON COLUMN client_credentials.jwk             IS 'The public key.';
COMMENT ON COLUMN client_credentials.expires_at      IS 'When it ends; NULL for never.';
COMMENT ON COLUMN client_credentials.created_at      IS 'When it was registered.';

CREATE TABLE resource_servers (
    tenant     text        NOT NULL,
    id         text        NOT NULL,
    version    int         NOT NULL,
    identifier text        NOT NULL,
    is_system  boolean     NOT NULL,
    properties jsonb       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id),
    CONSTRAINT resource_servers_identifier UNIQUE (tenant, identifier)
);
COMMENT ON TABLE  resource_servers            IS 'APIs. Folded: version, identifier, is_system, properties. A deleted one has no row.';
COMMENT ON COLUMN resource_servers.tenant     IS 'Whose API.';
COMMENT ON COLUMN resource_servers.id         IS '24 hexadecimal digits; grants name it, not the identifier.';
COMMENT ON COLUMN resource_servers.version    IS 'Version of its stream.';
COMMENT ON COLUMN resource_servers.identifier IS 'The audience of its tokens; unique in the tenant.';
COMMENT ON COLUMN resource_servers.is_system  IS 'The Management API.';
COMMENT ON COLUMN resource_servers.properties IS 'What the Management API shows.';
COMMENT ON COLUMN resource_servers.created_at IS 'When it was registered.';
COMMENT ON COLUMN resource_servers.updated_at IS 'When it was last changed.';

CREATE TABLE client_grants (
    tenant             text   NOT NULL,
    grant_id           text   NOT NULL,
    client_id          text   NOT NULL,
    resource_server_id text   NOT NULL,
    audience           text   NOT NULL,
    scope              text[] NOT NULL,
    properties         jsonb  NOT NULL,
    PRIMARY KEY (tenant, grant_id),
    CONSTRAINT client_grants_client_api UNIQUE (tenant, client_id, resource_server_id)
);
CREATE INDEX client_grants_api ON client_grants (tenant, resource_server_id);
COMMENT ON TABLE  client_grants                    IS 'What a client may ask of an API. All folded, from the client''s stream.';
COMMENT ON COLUMN client_grants.tenant             IS 'Whose grant.';
COMMENT ON COLUMN client_grants.grant_id           IS 'cgr_ and 16 characters.';
COMMENT ON COLUMN client_grants.client_id          IS 'Who may ask.';
COMMENT ON COLUMN client_grants.resource_server_id IS 'Of which API; void when that has no row.';
COMMENT ON COLUMN client_grants.audience           IS 'The API''s identifier when the grant was made.';
COMMENT ON COLUMN client_grants.scope              IS 'At most these.';
COMMENT ON COLUMN client_grants.properties         IS 'What else the Management API shows.';

CREATE TABLE spent_assertions (
    tenant     text        NOT NULL,
    key        bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX spent_assertions_expiry ON spent_assertions (expires_at);
COMMENT ON TABLE  spent_assertions            IS 'Client assertions that were used, until they expire (RFC 7523 section 3, jti). Authoritative.';
COMMENT ON COLUMN spent_assertions.tenant     IS 'At which issuer.';
COMMENT ON COLUMN spent_assertions.key        IS 'SHA-256 of client_id and jti; never of the token, which has many spellings.';
COMMENT ON COLUMN spent_assertions.expires_at IS 'From then on the assertion is refused for its age.';

CREATE TABLE failures (
    tenant   text        NOT NULL,
    key      bytea       NOT NULL,
    failures int         NOT NULL,
    until    timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX failures_until ON failures (until);
COMMENT ON TABLE  failures          IS 'Failed client authentications in the current window. Authoritative.';
COMMENT ON COLUMN failures.tenant   IS 'At which issuer.';
COMMENT ON COLUMN failures.key      IS 'SHA-256 of client_id and address; all unknown clients of an address share one.';
COMMENT ON COLUMN failures.failures IS 'How many.';
COMMENT ON COLUMN failures.until    IS 'When the window ends.';
