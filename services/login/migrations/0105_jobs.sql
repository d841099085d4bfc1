-- What became of a mail that an administrator asked for: until now the id in the answer led nowhere.

CREATE TABLE jobs (
    tenant     text        NOT NULL,
    job_id     text        NOT NULL,
    person     text        NOT NULL,
    type       text        NOT NULL,
    errand     uuid,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, job_id)
);
CREATE INDEX jobs_person ON jobs (tenant, person);
CREATE INDEX jobs_created ON jobs (created_at);
COMMENT ON TABLE  jobs            IS 'Jobs that the Management API began, for a day. Authoritative.';
COMMENT ON COLUMN jobs.tenant     IS 'Whose user.';
COMMENT ON COLUMN jobs.job_id     IS 'By what it is asked for.';
COMMENT ON COLUMN jobs.person     IS 'About whom, by the opaque id; with the person goes the job.';
COMMENT ON COLUMN jobs.type       IS 'What is done: verification_email.';
COMMENT ON COLUMN jobs.errand     IS 'What does it: while that waits the job is pending, then completed; null where nothing does it, or it was given up.';
COMMENT ON COLUMN jobs.created_at IS 'When it was asked for, by the answer that named it.';
