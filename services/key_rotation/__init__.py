"""Signing keys: made here, wrapped before they are stored, announced before they sign, revoked when they must be.

It owns every tenant's signing keys and their schedule, and answers `/api/v2/keys/signing`. Its own room is `vaults/`:
where the keys that wrap the keys come from.
It hears `tenants` (a new one needs its first key, an allowed algorithm needs one too). It asks nobody; `token` asks it
for the wrapped keys it signs with.
"""
