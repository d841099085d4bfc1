-- How a tenant's people are protected from guessing.

ALTER TABLE tenants ADD COLUMN protection jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN tenants.protection IS 'What protects from guessing, without defaults; folded.';
