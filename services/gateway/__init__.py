"""The gateway: every public URL of Limen, and nothing behind any of them.

It owns the way in: limits, the client's address, the tenant by its host, CORS and security headers, a request id.
It hears `tenants` (which host belongs to whom), `key_rotation` (which keys are public) and `token` (from which origins
applications call), all kept in memory, and is unready before it has them.
It asks `token` for the discovery documents, which it remembers; everything else it hands over on NATS, by one table.
"""
