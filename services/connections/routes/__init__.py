"""What `connections` answers: `/api/v2/connections`, the development mailbox, and what may be asked on the bus."""
