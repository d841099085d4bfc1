"""What may happen to a tenant."""
