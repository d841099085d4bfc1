"""Owns the types of fields that can be read and still be wrong: numbers with bounds, files that must hold something.

A setting out of its bounds would be found out much later, by a pool that lets nobody in or a division by nothing.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from libs.settings.addresses import HIGHEST_PORT


@dataclass(frozen=True)
class Must:
    """What a value must hold beside its type; `words` say it, behind "must be"."""

    holds: Callable[[Any], bool]
    words: str


MOST: Final = 2**31 - 1
"""The largest whole number that every database column and library takes."""

LONGEST: Final = timedelta(days=36500)
"""Added to any moment of today, it is still one."""


def _holds_certificates(path: Path) -> bool:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError:
        return False
    return True


Port = Annotated[int, Must(lambda port: 0 <= port <= HIGHEST_PORT, "a port from 0 to 65535")]
"""A TCP port to listen on; 0 takes any free one."""

Count = Annotated[int, Must(lambda count: 1 <= count <= MOST, f"a whole number from 1 to {MOST}")]
"""How many, and at least one."""

Size = Annotated[int, Must(lambda size: 1 <= size < 2**62, "a number of bytes, at least 1")]
"""Bytes."""

Span = Annotated[timedelta, Must(lambda span: timedelta(0) < span <= LONGEST, "a duration over 0 and up to 36500d")]
"""How long, and never nothing."""

Pause = Annotated[timedelta, Must(lambda pause: pause <= LONGEST, "a duration up to 36500d")]
"""How long, and perhaps nothing."""

Authorities = Annotated[Path, Must(_holds_certificates, "a readable PEM file of certificates")]
"""The certificates of authorities."""
