-- When the database went back to a backup: from then on it does not know which client assertions were used before.

CREATE TABLE restores (
    at timestamptz PRIMARY KEY
);
COMMENT ON TABLE  restores    IS 'Restores that lost something, as `limen restored` finished them. Authoritative.';
COMMENT ON COLUMN restores.at IS 'An assertion that may have been used before this moment is refused.';
