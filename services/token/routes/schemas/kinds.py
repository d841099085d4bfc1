"""Kinds of values that several resources share."""

from dataclasses import replace
from typing import Final

from libs.edge.schema import Array, Boolean, Dictionary, Integer, Kind, Object, Property, Text

# Names are shown in lists, logs and pages: a line end or an escape sequence in them would forge what stands around.
PLAIN: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*"


def line(longest: int, *, shortest: int = 0) -> Text:
    """One line of text without control characters; HTML is text like any other, and kept as it came."""
    return Text(min_length=shortest, max_length=longest, pattern=PLAIN)


def choice(*words: str) -> Text:
    """One of these words."""
    return Text(enum=words)


def choices(*words: str) -> Array:
    """Some of these words, each once."""
    return Array(Text(enum=words), is_unique=True)


def members(*texts: str, **others: Kind) -> Object:
    """An object of short texts, and of members of other kinds."""
    lines = (Property(name, line(1024)) for name in texts)
    return Object(*lines, *(Property(name, kind) for name, kind in others.items()))


def required(name: str, kind: Kind, description: str = "") -> Property:
    """A member that must be there."""
    return Property(name, kind, description, is_required=True)


def removable(name: str, kind: Kind, description: str = "") -> Property:
    """A property that a PATCH removes, or sets back to its default, by `null`."""
    return Property(name, kind, description, is_nullable=True)


def waiting(for_what: str, *properties: Property) -> tuple[Property, ...]:
    """Properties that are kept and given back, and have no effect before `for_what` is there."""
    return tuple(replace(each, waits=for_what) for each in properties)


def ours(name: str, kind: Kind, description: str = "") -> Property:
    """A member that we alone write."""
    return Property(name, kind, description, is_read_only=True)


BOOLEAN: Final = Boolean()
SECONDS: Final = Integer(minimum=1, maximum=2_592_000)
PAGE: Final = Text(max_length=16_384)
"""A page of the administrator's own, line ends included; the largest must fit an event beside the rest."""

FETCHED: Final = Text(max_length=2048, format="https-url")
"""A URL that we or a browser of any user will fetch (SF-01)."""

FETCHED_OR_EMPTY: Final = Text(max_length=2048, format="https-url-or-empty")
"""The same, or an empty text, which Auth0's tools send for none."""

TOLD: Final = Text(max_length=2048, format="told-url")
"""A URL to which we post; `http://localhost` too, which is reached where its operator says so (SF-01)."""

CALLBACK: Final = Text(max_length=2048, format="redirect-uri")
ORIGIN: Final = Text(max_length=512, format="origin")
SCOPES: Final = Array(Text(min_length=1, max_length=280, format="scope"), max_items=1000, is_unique=True)
METADATA: Final = Dictionary(line(255), max_members=10)
