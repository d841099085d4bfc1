-- How a login ended: a page of it that is opened again must not lead to the other answer.

ALTER TABLE transactions ADD COLUMN is_refused boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN transactions.is_refused IS 'Whether the application was answered that there will be no login.';
