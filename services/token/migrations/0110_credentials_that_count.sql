-- A public key may be there without counting; it counts when its application says so. Those that are there count.

ALTER TABLE client_credentials
    ADD COLUMN counts     boolean NOT NULL DEFAULT true,
    ADD COLUMN changed_at timestamptz;
COMMENT ON COLUMN client_credentials.counts     IS 'Whether the application may authenticate with it.';
COMMENT ON COLUMN client_credentials.changed_at IS 'When its end was last changed; NULL for never.';

-- A page of a list is found, and the list counted, in the index alone.
CREATE INDEX clients_living ON clients (tenant, client_id) WHERE NOT is_deleted;
