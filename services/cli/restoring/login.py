"""What of `login` must not come back: blocked and erased people, passwords, consents and sessions that ended."""

from collections.abc import Mapping
from typing import Final

from services.cli.restoring.steps import Reapply

REAPPLY: Final[Mapping[type, Reapply]] = {}
"""Every fact of `login` that restricted something."""
