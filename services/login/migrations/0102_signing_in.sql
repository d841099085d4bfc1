-- How people sign in: what was asked by an application, who is signed in at which browser, who allowed what.

CREATE TABLE transactions (
    tenant      text        NOT NULL,
    id          text        NOT NULL,
    binding     bytea       NOT NULL,
    client_id   text        NOT NULL,
    asked       bytea       NOT NULL,
    identifier  bytea,
    person      text,
    session_id  text,
    is_done     boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX transactions_expiry ON transactions (expires_at);
COMMENT ON TABLE  transactions            IS 'Logins under way, one per browser tab, for an hour. Authoritative.';
COMMENT ON COLUMN transactions.tenant     IS 'Where somebody signs in.';
COMMENT ON COLUMN transactions.id         IS 'What the pages are called with as `state`; in the order of time.';
COMMENT ON COLUMN transactions.binding    IS 'SHA-256 of the secret in the browser''s cookie: nobody else may go on.';
COMMENT ON COLUMN transactions.client_id  IS 'The application that asked.';
COMMENT ON COLUMN transactions.asked      IS 'The checked request, encrypted under the cookie''s secret: it may name a person.';
COMMENT ON COLUMN transactions.identifier IS 'What was typed on the first page, encrypted in the same way.';
COMMENT ON COLUMN transactions.person     IS 'Who signed in here; null before all steps are done.';
COMMENT ON COLUMN transactions.session_id IS 'The session they have.';
COMMENT ON COLUMN transactions.is_done    IS 'Whether the application was answered.';
COMMENT ON COLUMN transactions.created_at IS 'When it began.';
COMMENT ON COLUMN transactions.expires_at IS 'From then on it is as if it had never been.';

CREATE TABLE sessions (
    tenant          text        NOT NULL,
    session_id      text        NOT NULL,
    version         int         NOT NULL,
    person          text        NOT NULL,
    connection_id   text        NOT NULL,
    auth_time       timestamptz NOT NULL,
    amr             text[]      NOT NULL,
    acr             text,
    ended           text,
    cookie          bytea,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    idle_expires_at timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, session_id),
    CONSTRAINT sessions_cookie UNIQUE (tenant, cookie)
);
CREATE INDEX sessions_person ON sessions (tenant, person, session_id) WHERE ended IS NULL;
COMMENT ON TABLE  sessions                 IS 'Who is signed in at which browser. Folded: version to ended; the rest is authoritative.';
COMMENT ON COLUMN sessions.tenant          IS 'Where.';
COMMENT ON COLUMN sessions.session_id      IS 'As events and the claim `sid` call it; never what the cookie holds.';
COMMENT ON COLUMN sessions.version         IS 'Version of its stream.';
COMMENT ON COLUMN sessions.person          IS 'Who.';
COMMENT ON COLUMN sessions.connection_id   IS 'Where they signed in.';
COMMENT ON COLUMN sessions.auth_time       IS 'When they last showed who they are.';
COMMENT ON COLUMN sessions.amr             IS 'By what (RFC 8176).';
COMMENT ON COLUMN sessions.acr             IS 'The level that was reached.';
COMMENT ON COLUMN sessions.ended           IS 'Why it is over; null while it is not.';
COMMENT ON COLUMN sessions.cookie          IS 'SHA-256 of the cookie; another at each login, none when it is over.';
COMMENT ON COLUMN sessions.created_at      IS 'When it began.';
COMMENT ON COLUMN sessions.updated_at      IS 'When its last fact was written.';
COMMENT ON COLUMN sessions.last_seen_at    IS 'When it last brought somebody to an application.';
COMMENT ON COLUMN sessions.idle_expires_at IS 'When it ends unless it is used before.';
COMMENT ON COLUMN sessions.expires_at      IS 'When it ends, however much it is used.';

CREATE TABLE session_clients (
    tenant     text        NOT NULL,
    session_id text        NOT NULL,
    client_id  text        NOT NULL,
    since      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, session_id, client_id)
);
COMMENT ON TABLE  session_clients            IS 'Which applications a session brought somebody to. Authoritative.';
COMMENT ON COLUMN session_clients.tenant     IS 'Where.';
COMMENT ON COLUMN session_clients.session_id IS 'Which session.';
COMMENT ON COLUMN session_clients.client_id  IS 'Which application: it is told when the session ends.';
COMMENT ON COLUMN session_clients.since      IS 'When it did first.';

CREATE TABLE consents (
    tenant     text        NOT NULL,
    consent_id text        NOT NULL,
    version    int         NOT NULL,
    person     text        NOT NULL,
    client_id  text        NOT NULL,
    audience   text,
    scope      text[]      NOT NULL,
    is_given   boolean     NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, consent_id)
);
CREATE INDEX consents_person ON consents (tenant, person, client_id) WHERE is_given;
COMMENT ON TABLE  consents            IS 'What people let applications have. Folded: all but created_at.';
COMMENT ON COLUMN consents.tenant     IS 'Where.';
COMMENT ON COLUMN consents.consent_id IS '24 hexadecimal digits, the same whenever the same is allowed anew.';
COMMENT ON COLUMN consents.version    IS 'Version of its stream.';
COMMENT ON COLUMN consents.person     IS 'Who allowed it.';
COMMENT ON COLUMN consents.client_id  IS 'To which application.';
COMMENT ON COLUMN consents.audience   IS 'Of which API; null for what OpenID Connect knows of a person.';
COMMENT ON COLUMN consents.scope      IS 'What.';
COMMENT ON COLUMN consents.is_given   IS 'Whether it still holds.';
COMMENT ON COLUMN consents.created_at IS 'When it was first given.';
