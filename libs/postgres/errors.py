"""What the database can say, in our words.

Unavailable
└── DatabaseAway         no connection, shutting down, a lock or statement that took too long
    └── OutcomeUnknown   the connection went while COMMIT was under way
NothingCommitted         a transaction whose error was swallowed was to be committed: our mistake
AlreadyThere             a unique index refused the row; `constraint` names it
NotAdmitted              the server is there and lets this role not in: waiting does not help
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from libs.runtime.errors import Unavailable


class DatabaseAway(Unavailable):
    """The database does not serve at the moment."""


class OutcomeUnknown(DatabaseAway):
    """The connection went while a commit was under way: it may or may not have happened."""


class NothingCommitted(Exception):
    """COMMIT was answered by a rollback, because a statement had failed and its error was caught."""


class AlreadyThere(Exception):
    """A row with this key exists; `constraint` is the name of the unique index."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class NotAdmitted(Exception):
    """The server does not let this role into this database; the message is the server's, one line."""


CLOSED: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
"""Errors that mean: not with these credentials, not this database, or not that far."""

AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InvalidCachedStatementError,  # a table was swapped under a prepared statement; the next attempt sees it
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,  # a server whose postmaster was killed may say that anything is wrong
    asyncpg.DeadlockDetectedError,
    OSError,
    asyncio.TimeoutError,
)
"""Errors that mean: not now, perhaps later."""

UNKNOWN: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    OSError,
    asyncio.TimeoutError,
)
"""Errors in answer to COMMIT after which nobody knows: a server that crashes says so perhaps after it has committed."""


@contextmanager
def translated() -> Iterator[None]:
    """Translate the driver's errors that leave the block."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise AlreadyThere(error.constraint_name or "") from error
    except CLOSED as error:
        raise NotAdmitted(f"Postgres says: {error.args[0]}") from error
    except AWAY as error:
        raise DatabaseAway(repr(error)) from error
