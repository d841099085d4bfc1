-- Answers that are given again to whoever repeats a request under the same Idempotency-Key.

CREATE TABLE answered_requests (
    tenant      text        NOT NULL,
    key         bytea       NOT NULL,
    fingerprint bytea       NOT NULL,
    key_id      text        NOT NULL,
    answer      bytea       NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX answered_requests_expiry ON answered_requests (expires_at);
COMMENT ON TABLE  answered_requests             IS 'Requests with an Idempotency-Key that were done, for a day. Authoritative.';
COMMENT ON COLUMN answered_requests.tenant      IS 'Whose API was asked.';
COMMENT ON COLUMN answered_requests.key         IS 'SHA-256 of caller, method, path and key.';
COMMENT ON COLUMN answered_requests.fingerprint IS 'SHA-256 of what else was sent; another request under the same key is refused.';
COMMENT ON COLUMN answered_requests.key_id      IS 'Which key-encryption key the answer''s key was derived from.';
COMMENT ON COLUMN answered_requests.answer      IS 'Status, headers and body, encrypted: it may hold a secret that is shown once.';
COMMENT ON COLUMN answered_requests.expires_at  IS 'From then on the key is as if it had never been used.';
