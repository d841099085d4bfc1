-- What an administrator notes of somebody's refresh token.

ALTER TABLE grants ADD COLUMN metadata jsonb;
COMMENT ON TABLE  grants          IS 'What people let applications have, each the root of a refresh chain. A revoked or expired one has no row. Authoritative: handle, salt, generation, epoch, retries, retry_until, requested, idle_expires_at, last_exchanged_at, metadata. Folded: the others.';
COMMENT ON COLUMN grants.metadata IS 'What the Management API was told to note of it: texts by name. May tell of a person, therefore in no event; it goes with the row.';
