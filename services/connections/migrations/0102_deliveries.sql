-- What is to be delivered outside, and what was delivered during the last day. All of it is authoritative.

CREATE TABLE deliveries (
    tenant       text        NOT NULL,
    delivery_id  text        NOT NULL,
    kind         text        NOT NULL,
    label        text        NOT NULL,
    subject      text,
    session_id   text,
    payload      bytea,
    attempts     int         NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until timestamptz,
    done_at      timestamptz,
    PRIMARY KEY (tenant, delivery_id)
);
CREATE INDEX deliveries_due  ON deliveries (kind, due_at) WHERE done_at IS NULL;
CREATE INDEX deliveries_subject ON deliveries (tenant, subject);
CREATE INDEX deliveries_done ON deliveries (done_at) WHERE done_at IS NOT NULL;
COMMENT ON TABLE  deliveries              IS 'Mails and logouts on their way; a done one is remembered for a day, so that a repeat is not done again. Authoritative.';
COMMENT ON COLUMN deliveries.tenant       IS 'For whom it is delivered.';
COMMENT ON COLUMN deliveries.delivery_id  IS 'The key whoever asked gave it: the same one is delivered once.';
COMMENT ON COLUMN deliveries.kind         IS 'mail or logout.';
COMMENT ON COLUMN deliveries.label        IS 'The template of a mail, the application that is told of a logout.';
COMMENT ON COLUMN deliveries.subject      IS 'The opaque id of the person a mail goes to.';
COMMENT ON COLUMN deliveries.session_id   IS 'The session a logout ended.';
COMMENT ON COLUMN deliveries.payload      IS 'Address and words, encrypted; gone as soon as it is done.';
COMMENT ON COLUMN deliveries.attempts     IS 'How often it was begun; whoever finishes it says which try it was.';
COMMENT ON COLUMN deliveries.created_at   IS 'When it was asked.';
COMMENT ON COLUMN deliveries.due_at       IS 'Not before.';
COMMENT ON COLUMN deliveries.leased_until IS 'A worker is at it; past this moment another one may.';
COMMENT ON COLUMN deliveries.done_at      IS 'When it was delivered or given up.';

CREATE TABLE dev_mailbox (
    tenant      text        NOT NULL,
    delivery_id text        NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    subject     text,
    sealed      bytea       NOT NULL,
    PRIMARY KEY (tenant, delivery_id)
);
CREATE INDEX dev_mailbox_newest ON dev_mailbox (tenant, at);
COMMENT ON TABLE  dev_mailbox             IS 'Mails that would have been sent, the newest of each tenant; only where the development mailbox is on. Authoritative.';
COMMENT ON COLUMN dev_mailbox.tenant      IS 'Whose mail it is.';
COMMENT ON COLUMN dev_mailbox.delivery_id IS 'The delivery it came from.';
COMMENT ON COLUMN dev_mailbox.at          IS 'When it came.';
COMMENT ON COLUMN dev_mailbox.subject     IS 'The opaque id of the person it is to.';
COMMENT ON COLUMN dev_mailbox.sealed      IS 'The whole mail, encrypted.';
