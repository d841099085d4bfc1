"""Tenants: who shares this installation, under which domain, with which settings.

It owns the tenants, their domains and settings, how their pages look and what protects their people from guessing.
It hears `key_rotation` (a tenant's first key) and `token` (its Management API), because a tenant opens only when both
have made what it needs, and everybody's public keys, to believe tokens. It asks nobody.
"""
