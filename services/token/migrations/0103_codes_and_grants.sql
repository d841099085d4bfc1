-- People's tokens: the codes that applications redeem, the grants that come of them, each the root of a refresh chain.

CREATE TABLE codes (
    tenant         text        NOT NULL,
    sha256         bytea       NOT NULL,
    transaction    text        NOT NULL,
    client_id      text        NOT NULL,
    redirect_uri   text        NOT NULL,
    scope          text[]      NOT NULL,
    audience       text,
    nonce          text,
    code_challenge text,
    requested      jsonb,
    person         text        NOT NULL,
    session_id     text        NOT NULL,
    auth_time      timestamptz NOT NULL,
    acr            text,
    amr            text[]      NOT NULL,
    org_id         text,
    cnf            jsonb,
    resource       text[]      NOT NULL DEFAULT '{}',
    act            jsonb,
    issued_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL DEFAULT clock_timestamp() + interval '60 seconds',
    spent_at       timestamptz,
    grant_id       text,
    PRIMARY KEY (tenant, sha256),
    CONSTRAINT codes_transaction UNIQUE (tenant, transaction),
    CONSTRAINT codes_are_short_lived CHECK (expires_at <= issued_at + interval '61 seconds')
);
CREATE INDEX codes_expiry ON codes (expires_at);
COMMENT ON TABLE  codes                IS 'Authorization codes (RFC 6749 section 4.1.2). All authoritative.';
COMMENT ON COLUMN codes.tenant         IS 'At which issuer.';
COMMENT ON COLUMN codes.sha256         IS 'Hash of the code: 256 bits of an HMAC need no slow hash.';
COMMENT ON COLUMN codes.transaction    IS 'The login transaction it ends; there is one code for each.';
COMMENT ON COLUMN codes.client_id      IS 'Who alone may redeem it.';
COMMENT ON COLUMN codes.redirect_uri   IS 'Where it was sent; repeated to redeem it.';
COMMENT ON COLUMN codes.scope          IS 'What was granted.';
COMMENT ON COLUMN codes.audience       IS 'The API''s identifier; NULL for the userinfo endpoint alone.';
COMMENT ON COLUMN codes.nonce          IS 'For the ID token, as it was sent.';
COMMENT ON COLUMN codes.code_challenge IS 'RFC 7636, S256; NULL when none was sent.';
COMMENT ON COLUMN codes.requested      IS 'The claims parameter (OpenID Connect Core section 5.5).';
COMMENT ON COLUMN codes.person         IS 'Who signed in, by the opaque id.';
COMMENT ON COLUMN codes.session_id     IS 'In which session.';
COMMENT ON COLUMN codes.auth_time      IS 'When the person was last proven.';
COMMENT ON COLUMN codes.acr            IS 'At which level; NULL when none was asked.';
COMMENT ON COLUMN codes.amr            IS 'By which means (RFC 8176).';
COMMENT ON COLUMN codes.org_id         IS 'For which organization.';
COMMENT ON COLUMN codes.cnf            IS 'To which key the tokens are bound (RFC 7800).';
COMMENT ON COLUMN codes.resource       IS 'RFC 8707, when several were named.';
COMMENT ON COLUMN codes.act            IS 'Who acts for the person (RFC 8693).';
COMMENT ON COLUMN codes.issued_at      IS 'When it was issued.';
COMMENT ON COLUMN codes.expires_at     IS 'From then on it is refused; a minute after it was issued.';
COMMENT ON COLUMN codes.spent_at       IS 'When it was redeemed, by one conditional update.';
COMMENT ON COLUMN codes.grant_id       IS 'What came of it, and ends when it is presented again.';

CREATE TABLE grants (
    tenant            text        NOT NULL,
    grant_id          text        NOT NULL,
    version           int         NOT NULL,
    handle            bytea       NOT NULL,
    salt              bytea       NOT NULL,
    generation        int         NOT NULL DEFAULT 0,
    epoch             int         NOT NULL DEFAULT 1,
    retries           int         NOT NULL DEFAULT 0,
    retry_until       timestamptz,
    requested         jsonb,
    idle_expires_at   timestamptz,
    last_exchanged_at timestamptz,
    client_id         text        NOT NULL,
    person            text        NOT NULL,
    session_id        text        NOT NULL,
    scope             text[]      NOT NULL,
    audience          text,
    auth_time         timestamptz NOT NULL,
    acr               text,
    amr               text[]      NOT NULL,
    org_id            text,
    cnf               jsonb,
    resource          text[]      NOT NULL DEFAULT '{}',
    act               jsonb,
    is_offline        boolean     NOT NULL,
    created_at        timestamptz NOT NULL,
    expires_at        timestamptz,
    PRIMARY KEY (tenant, grant_id),
    CONSTRAINT grants_handle UNIQUE (tenant, handle)
);
CREATE INDEX grants_person ON grants (tenant, person, grant_id);
CREATE INDEX grants_expiry ON grants (expires_at);
CREATE INDEX grants_idle ON grants (idle_expires_at);
COMMENT ON TABLE  grants                   IS 'What people let applications have, each the root of a refresh chain. A revoked or expired one has no row. Authoritative: handle, salt, generation, epoch, retries, retry_until, requested, idle_expires_at, last_exchanged_at. Folded: the others.';
COMMENT ON COLUMN grants.tenant            IS 'At which issuer.';
COMMENT ON COLUMN grants.grant_id          IS '22 letters and digits; begins the jti of its access tokens.';
COMMENT ON COLUMN grants.version           IS 'Version of its stream.';
COMMENT ON COLUMN grants.handle            IS '128 random bits by which its refresh tokens name it; never shown elsewhere.';
COMMENT ON COLUMN grants.salt              IS '128 random bits that the HMAC of its refresh tokens covers.';
COMMENT ON COLUMN grants.generation        IS 'Of the newest refresh token: how often it was rotated.';
COMMENT ON COLUMN grants.epoch             IS 'Covered by the HMAC too; raised to end every refresh token of it.';
COMMENT ON COLUMN grants.retries           IS 'How often the previous refresh token got the same successor again.';
COMMENT ON COLUMN grants.retry_until       IS 'Until when it may.';
COMMENT ON COLUMN grants.requested         IS 'The claims parameter; may hold what a person is called, therefore in no event.';
COMMENT ON COLUMN grants.idle_expires_at   IS 'When it ends unless it is used; NULL for never.';
COMMENT ON COLUMN grants.last_exchanged_at IS 'When a refresh token of it was last used.';
COMMENT ON COLUMN grants.client_id         IS 'Whose it is.';
COMMENT ON COLUMN grants.person            IS 'Whose it is about, by the opaque id.';
COMMENT ON COLUMN grants.session_id        IS 'In which session it began.';
COMMENT ON COLUMN grants.scope             IS 'All that was granted; a refresh may ask for less.';
COMMENT ON COLUMN grants.audience          IS 'The API''s identifier; NULL for the userinfo endpoint alone.';
COMMENT ON COLUMN grants.auth_time         IS 'When the person was last proven; a refresh does not move it.';
COMMENT ON COLUMN grants.acr               IS 'At which level; NULL when none was asked.';
COMMENT ON COLUMN grants.amr               IS 'By which means (RFC 8176).';
COMMENT ON COLUMN grants.org_id            IS 'For which organization.';
COMMENT ON COLUMN grants.cnf               IS 'To which key its tokens are bound (RFC 7800).';
COMMENT ON COLUMN grants.resource          IS 'RFC 8707, when several were named.';
COMMENT ON COLUMN grants.act               IS 'Who acts for the person (RFC 8693).';
COMMENT ON COLUMN grants.is_offline        IS 'Whether it has refresh tokens; else it ends with its access token.';
COMMENT ON COLUMN grants.created_at        IS 'When the code was redeemed.';
COMMENT ON COLUMN grants.expires_at        IS 'When it ends at the latest; NULL for never.';
