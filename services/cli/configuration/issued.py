"""Owns where the secrets of new applications go: each is told once, at once, and to nobody by accident.

A secret on a terminal is seen by who typed the command; in a pipe it would be in the log of a build. So without a
terminal a place must be named, and it is opened before anything is changed: a secret without a place would be lost.
"""

import json
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Self

from services.cli.configuration.difference import Change, Create
from services.cli.configuration.sections import CLIENTS
from services.cli.errors import USAGE, Refused
from services.token.rules.client_properties import is_public, of_new

STDOUT: Final = "-"


class Issued:
    """An open place for secrets: a file of one JSON object a line, or standard output."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    @classmethod
    def opened(cls, changes: Iterable[Change], said: str | None) -> Self:
        """The place that was said, or the terminal.

        Raises:
            Refused: secrets would be issued, and there is no place for them.
        """
        new = sum(_has_secret(each) for each in changes)
        if not new or said == STDOUT or (said is None and sys.stdout.isatty()):
            return cls(None)
        if said is None:
            raise Refused(f"{new} new secrets will be shown once: say --secrets FILE (or --secrets -).", USAGE)
        return cls(_private(said))

    def tell(self, name: str, client_id: str, secret: str) -> None:
        """Tell a secret; it has reached the disk, or the terminal, when this returns."""
        line = json.dumps({"name": name, "client_id": client_id, "client_secret": secret}) + "\n"
        if self._descriptor is None:
            sys.stdout.write(line)
            sys.stdout.flush()
        else:
            os.write(self._descriptor, line.encode())
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file, if it is one."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)


def _has_secret(change: Change) -> bool:
    if not isinstance(change, Create) or change.section is not CLIENTS:
        return False
    return not is_public(of_new(change.body, has_credentials=False))


def _private(path: str) -> int:
    """Open a file for appending that its owner alone can read; what is in it stays."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(f"--secrets {path}: {error.strerror}.", USAGE) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) or mode & 0o077:
        os.close(descriptor)
        raise Refused(f"--secrets {path}: others may read it; it must be a file of mode 0600.", USAGE)
    return descriptor
