"""Stands before a package that is there for development alone, as if it were not: what is tested runs without it.

structlog loads it where it can, which costs every process that a test starts a tenth of its start.
"""

raise ImportError("rich is not one of Limen's dependencies")
