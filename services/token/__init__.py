"""The back channel: applications, APIs, the grants between them, and every token that is issued.

It owns clients with their secrets and credentials, resource servers and client grants, and answers `/oauth/*`,
discovery and their part of the Management API. It hears tenants (their issuer and settings) and key_rotation (which
keys there are), and asks key_rotation for the wrapped private keys, login about people and connections which of them
an application has. It never sees a password.
"""
