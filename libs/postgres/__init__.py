"""Postgres: one pool per service, leadership by advisory lock, numbered migrations.

It owns every connection to the database and translates the driver's errors at the door: what is away becomes
`Unavailable`, a taken key `AlreadyThere`, a commit whose answer was lost `OutcomeUnknown`. What the rows mean is the
services' business, what the log's rows mean that of `libs.eventstore`.
"""

from libs.postgres.database import NOT_AWAITED, Database, connect
from libs.postgres.errors import AlreadyThere, DatabaseAway, NotAdmitted, OutcomeUnknown, translated
from libs.postgres.locks import Locks
from libs.postgres.migrations import Migration, SchemaMismatch, migrate, require_schema
from libs.postgres.rows import Connection, Record

__all__ = [
    "NOT_AWAITED",
    "AlreadyThere",
    "Connection",
    "Database",
    "DatabaseAway",
    "Locks",
    "Migration",
    "NotAdmitted",
    "OutcomeUnknown",
    "Record",
    "SchemaMismatch",
    "connect",
    "migrate",
    "require_schema",
    "translated",
]
