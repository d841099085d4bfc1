-- The roles of Limen: one per service, each with a schema nobody else may enter. It may be run again at any time, by a
-- superuser or by a role with CREATEROLE that owns the database; `limen up` and `limen migrate` run it first of all.
-- Passwords are never here: they are set by ALTER ROLE … PASSWORD.

BEGIN;

-- Two that run this at once would collide in the catalogues.
SELECT pg_advisory_xact_lock(84207310021);

DO $$
DECLARE
  service record;
  role text;
BEGIN
  -- What a role does not hold itself it may not hand out: nobody enters the database or its public schema by default.
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  REVOKE ALL ON SCHEMA public FROM PUBLIC;

  FOR service IN SELECT * FROM (VALUES ('tenants', 16), ('token', 40), ('login', 40),
                                      ('connections', 24), ('key_rotation', 16),
                                      ('audit', 16)) AS known(name, connections)
  LOOP
    role := 'limen_' || service.name;

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', role);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN CONNECTION LIMIT %s', role, service.connections);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);

    -- Only a superuser may act for a role it is no member of.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', role);
    END IF;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service.name, role);

    EXECUTE format('ALTER ROLE %I SET search_path = %I', role, service.name);
    -- A client paused while it holds the log's head row would stop everybody: the server ends its transaction.
    -- Migrations, which may take long, set their own bounds.
    EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', role, '1s');
    EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', role, '2s');
    EXECUTE format('ALTER ROLE %I SET transaction_timeout = %L', role, '5s');
  END LOOP;
END
$$;

COMMIT;
