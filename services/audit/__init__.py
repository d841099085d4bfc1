"""The public feed: what happened, for services that are not ours and for the tenant's own log.

It owns the log `feed`, which the bus mirrors as `auth.v1.>`, and its subscribers, each with a durable consumer. It
hears every service's logs and publishes of them what one table says; it asks `login` whom a `user_id` in a search
means. It never holds a secret, and no address of a person leaves it but through the Management API's logs.
"""
