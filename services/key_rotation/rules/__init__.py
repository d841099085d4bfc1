"""When a tenant's keys are published, scheduled and revoked."""
