-- From where somebody is signed in, what an administrator notes of it, and when the row of what is over may go.

ALTER TABLE sessions
    ADD COLUMN initial_address    text,
    ADD COLUMN initial_user_agent text,
    ADD COLUMN last_address       text,
    ADD COLUMN last_user_agent    text,
    ADD COLUMN metadata           jsonb,
    ADD COLUMN named_at         timestamptz;
CREATE INDEX sessions_over ON sessions (coalesce(named_at, least(idle_expires_at, expires_at)));
COMMENT ON COLUMN sessions.initial_address    IS 'From where somebody signed in; null when the session is over, or who it is was erased.';
COMMENT ON COLUMN sessions.initial_user_agent IS 'With which browser; null likewise.';
COMMENT ON COLUMN sessions.last_address       IS 'From where it last brought somebody to an application; null likewise.';
COMMENT ON COLUMN sessions.last_user_agent    IS 'With which browser; null likewise.';
COMMENT ON COLUMN sessions.metadata           IS 'What the Management API was told to note of it: texts by name; null likewise.';
COMMENT ON COLUMN sessions.named_at           IS 'When a grant was last found to name it although it was long over; until none does the row is kept.';
