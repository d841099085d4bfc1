"""Owns the error every verb ends with when it cannot do what it was asked, and the exit codes of the command."""

from typing import Final

OK: Final = 0
FAILED: Final = 1
"""A check found a difference, or something needed is missing: the message says what."""
USAGE: Final = 2
"""The command line cannot be understood, or a setting is missing or wrong."""
SCHEMA: Final = 3
"""The database has a schema this release cannot run with."""
UNAVAILABLE: Final = 69
"""Postgres, NATS or a service does not answer (EX_UNAVAILABLE of sysexits.h)."""


class Refused(Exception):
    """The verb ends here; the message is one line an operator can act on."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
