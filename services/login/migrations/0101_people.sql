-- People: who has an account, how they are found, by what they prove who they are, what is on its way to them.

CREATE TABLE people (
    tenant         text        NOT NULL,
    person         text        NOT NULL,
    version        int         NOT NULL,
    connection_id  text        NOT NULL,
    connection     text        NOT NULL,
    provider       text        NOT NULL,
    sealed_user_id text        NOT NULL,
    sealed         jsonb       NOT NULL,
    email_verified boolean     NOT NULL,
    has_password   boolean     NOT NULL,
    is_blocked     boolean     NOT NULL,
    endings        int         NOT NULL,
    user_id        text        COLLATE "C" NOT NULL,
    email          text,
    name           text        NOT NULL,
    profile        jsonb       NOT NULL,
    valid_from     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    last_login     timestamptz,
    last_ip        text,
    logins_count   int         NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, person)
);
-- In the order of code points, so that one index serves equality, beginnings and sorting.
CREATE UNIQUE INDEX people_user_id ON people (tenant, user_id);
CREATE INDEX people_email ON people (tenant, (lower(email) COLLATE "C"), person);
CREATE INDEX people_name ON people (tenant, (lower(name) COLLATE "C"), person);
CREATE INDEX people_created ON people (tenant, created_at, person);
CREATE INDEX people_updated ON people (tenant, updated_at, person);
CREATE INDEX people_blocked ON people (tenant, created_at, person) WHERE is_blocked;
CREATE INDEX people_last_login ON people (tenant, last_login, person);
COMMENT ON TABLE  people                IS 'Accounts. Folded: version to endings; plain text is opened from the sealed; the last eight are authoritative.';
COMMENT ON COLUMN people.tenant         IS 'Whose user.';
COMMENT ON COLUMN people.person         IS 'The opaque id by which events name somebody.';
COMMENT ON COLUMN people.version        IS 'Version of the stream.';
COMMENT ON COLUMN people.connection_id  IS 'Where the account is.';
COMMENT ON COLUMN people.connection     IS 'The name of that connection when the account was made.';
COMMENT ON COLUMN people.provider       IS 'What the user_id begins with.';
COMMENT ON COLUMN people.sealed_user_id IS 'The user_id as the facts have it: sealed under the person''s key.';
COMMENT ON COLUMN people.sealed         IS 'The profile as the facts have it, sealed member by member.';
COMMENT ON COLUMN people.email_verified IS 'Whether somebody showed that the address is theirs.';
COMMENT ON COLUMN people.has_password   IS 'Whether there is a row in passwords.';
COMMENT ON COLUMN people.is_blocked     IS 'Whether nobody may sign in as this person.';
COMMENT ON COLUMN people.endings        IS 'How many facts ended what had begun before: another password, a block.';
COMMENT ON COLUMN people.user_id        IS 'Auth0''s id, the claim `sub`; personal data.';
COMMENT ON COLUMN people.email          IS 'As it was given; mail goes there and nowhere else.';
COMMENT ON COLUMN people.name           IS 'What lists sort and search by; the address where no name was given.';
COMMENT ON COLUMN people.profile        IS 'What is said of the person, metadata included.';
COMMENT ON COLUMN people.valid_from     IS 'Sessions and grants that began before are over.';
COMMENT ON COLUMN people.created_at     IS 'When the account was made.';
COMMENT ON COLUMN people.updated_at     IS 'When it was last changed.';
COMMENT ON COLUMN people.last_login     IS 'When somebody last signed in.';
COMMENT ON COLUMN people.last_ip        IS 'From where.';
COMMENT ON COLUMN people.logins_count   IS 'How often.';

CREATE TABLE person_keys (
    tenant  text  NOT NULL,
    person  text  NOT NULL,
    wrapped bytea NOT NULL,
    PRIMARY KEY (tenant, person)
);
COMMENT ON TABLE  person_keys         IS 'The data key of each person; deleting one forgets what events say of them. Authoritative.';
COMMENT ON COLUMN person_keys.tenant  IS 'Whose user.';
COMMENT ON COLUMN person_keys.person  IS 'Whose key.';
COMMENT ON COLUMN person_keys.wrapped IS 'The key, wrapped by the keyring.';

CREATE TABLE person_lookups (
    tenant        text     NOT NULL,
    connection_id text     NOT NULL,
    kind          text     NOT NULL,
    hash          bytea    NOT NULL,
    canonical     smallint NOT NULL,
    person        text     NOT NULL,
    PRIMARY KEY (tenant, connection_id, kind, hash)
);
CREATE INDEX person_lookups_person ON person_lookups (tenant, person);
COMMENT ON TABLE  person_lookups               IS 'By what somebody is found, each once in a connection. Authoritative.';
COMMENT ON COLUMN person_lookups.tenant        IS 'Whose user.';
COMMENT ON COLUMN person_lookups.connection_id IS 'In which connection it is unique.';
COMMENT ON COLUMN person_lookups.kind          IS 'email or username.';
COMMENT ON COLUMN person_lookups.hash          IS 'HMAC-SHA-256 of the canonical form, under the key `lookup`.';
COMMENT ON COLUMN person_lookups.canonical     IS 'Version of the canonical form (rules/identifiers.py).';
COMMENT ON COLUMN person_lookups.person        IS 'Who is found.';

CREATE TABLE passwords (
    tenant     text        NOT NULL,
    person     text        NOT NULL,
    phc        text        NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, person)
);
COMMENT ON TABLE  passwords            IS 'Hashes of passwords. Authoritative.';
COMMENT ON COLUMN passwords.tenant     IS 'Whose user.';
COMMENT ON COLUMN passwords.person     IS 'Whose password.';
COMMENT ON COLUMN passwords.phc        IS 'argon2, in PHC form.';
COMMENT ON COLUMN passwords.changed_at IS 'When the password was chosen; hashing it anew at a login does not count.';

CREATE TABLE password_history (
    tenant   text        NOT NULL,
    person   text        NOT NULL,
    ended_at timestamptz NOT NULL,
    phc      text        NOT NULL,
    PRIMARY KEY (tenant, person, ended_at)
);
COMMENT ON TABLE  password_history          IS 'Hashes of earlier passwords, where the policy remembers them. Authoritative.';
COMMENT ON COLUMN password_history.tenant   IS 'Whose user.';
COMMENT ON COLUMN password_history.person   IS 'Whose password it was.';
COMMENT ON COLUMN password_history.ended_at IS 'When another was chosen.';
COMMENT ON COLUMN password_history.phc      IS 'argon2, in PHC form.';

CREATE TABLE attempts (
    tenant    text        NOT NULL,
    key       bytea       NOT NULL,
    failures  int         NOT NULL,
    until     timestamptz NOT NULL,
    proven_at timestamptz,
    person    text,
    address   text,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX attempts_until ON attempts (until);
CREATE INDEX attempts_person ON attempts (tenant, person) WHERE person IS NOT NULL;
COMMENT ON TABLE  attempts           IS 'Wrong passwords, and mails that were asked for, in the current window. Authoritative.';
COMMENT ON COLUMN attempts.tenant    IS 'At which issuer.';
COMMENT ON COLUMN attempts.key       IS 'HMAC of what is counted: an account and an address, an account, an address; mails to one, mails from one.';
COMMENT ON COLUMN attempts.failures  IS 'How many; counted before the password is compared, taken back when it was right.';
COMMENT ON COLUMN attempts.until     IS 'When the window or the lock ends.';
COMMENT ON COLUMN attempts.proven_at IS 'When the account last signed in from this address: there it is not locked for what others try elsewhere.';
COMMENT ON COLUMN attempts.person    IS 'Whose account it is; null for an unknown identifier and for an address.';
COMMENT ON COLUMN attempts.address   IS 'From where, only while an account is locked for it: administrators are shown it.';

CREATE TABLE tickets (
    tenant     text        NOT NULL,
    person     text        NOT NULL,
    kind       text        NOT NULL,
    sha256     bytea       NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    options    jsonb       NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant, person, kind),
    CONSTRAINT tickets_sha256 UNIQUE (tenant, sha256)
);
CREATE INDEX tickets_expiry ON tickets (expires_at);
COMMENT ON TABLE  tickets            IS 'Links that are good: to reset a password, show an address, lift a lock; the newest of each kind. Authoritative.';
COMMENT ON COLUMN tickets.tenant     IS 'Whose user.';
COMMENT ON COLUMN tickets.person     IS 'Whose link.';
COMMENT ON COLUMN tickets.kind       IS 'reset, verify or unblock.';
COMMENT ON COLUMN tickets.sha256     IS 'SHA-256 of the secret in the link; using the link deletes the row, so it is good once.';
COMMENT ON COLUMN tickets.issued_at  IS 'When it was asked for; an older one never replaces a newer one.';
COMMENT ON COLUMN tickets.expires_at IS 'From then on it is as if it had never been.';
COMMENT ON COLUMN tickets.options    IS 'Where the page leads afterwards, and for which application.';

CREATE TABLE answers_about (
    tenant text  NOT NULL,
    person text  NOT NULL,
    key    bytea NOT NULL,
    until  timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 day',
    PRIMARY KEY (tenant, person, key)
);
CREATE INDEX answers_about_until ON answers_about (until);
COMMENT ON TABLE  answers_about        IS 'Which kept answers tell of a person, and go with them. Authoritative.';
COMMENT ON COLUMN answers_about.tenant IS 'Whose user.';
COMMENT ON COLUMN answers_about.person IS 'Of whom.';
COMMENT ON COLUMN answers_about.key    IS 'The key in answered_requests; its row may be gone already.';
COMMENT ON COLUMN answers_about.until  IS 'From then on the answer is forgotten anyway.';

CREATE TABLE errands (
    id         uuid        PRIMARY KEY,
    tenant     text        NOT NULL,
    person     text,
    kind       text        NOT NULL,
    payload    jsonb       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries      int         NOT NULL DEFAULT 0
);
CREATE INDEX errands_due ON errands (due_at);
CREATE INDEX errands_person ON errands (tenant, person);
COMMENT ON TABLE  errands            IS 'What connections is to deliver, until it has written it down. Authoritative.';
COMMENT ON COLUMN errands.id         IS 'By which connections knows a repeat.';
COMMENT ON COLUMN errands.tenant     IS 'Whose user.';
COMMENT ON COLUMN errands.person     IS 'To whom; null where nobody was found, so that both cost the same.';
COMMENT ON COLUMN errands.kind       IS 'mail or logout.';
COMMENT ON COLUMN errands.payload    IS 'Template, language and application of a mail, or what a logout names: no address and no link.';
COMMENT ON COLUMN errands.created_at IS 'When it was asked for.';
COMMENT ON COLUMN errands.due_at     IS 'When it is tried next; moved ahead while somebody tries.';
COMMENT ON COLUMN errands.tries      IS 'How often it was tried.';
