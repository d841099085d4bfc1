"""What of `connections` must not come back: connections that were deleted, or that applications may use no more."""

from collections.abc import Mapping
from typing import Final

from services.cli.restoring.steps import Reapply

REAPPLY: Final[Mapping[type, Reapply]] = {}
"""Every fact of `connections` that restricted something."""
