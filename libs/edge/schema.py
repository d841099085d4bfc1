"""Words for declaring a Management API resource as data: the validator and the OpenAPI page read the same tables."""

import re
from dataclasses import dataclass
from typing import Any, Final

from libs.edge.formats import FORMATS

MISSING: Final = object()
"""The default of a property that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string: its length in characters, one of `enum`, a `pattern` for all of it, a format of `formats.py`."""

    min_length: int = 0
    max_length: int = 1024
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    format: str | None = None

    def __post_init__(self) -> None:
        """Refuse a table that names an unknown format or a broken pattern."""
        if self.format is not None and self.format not in FORMATS:
            raise ValueError(f"unknown format {self.format}")
        if self.pattern is not None:
            re.compile(self.pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    """A whole number within bounds, both included."""

    minimum: int = -(2**53) + 1
    maximum: int = 2**53 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number within bounds, both included."""

    minimum: float = float("-inf")
    maximum: float = float("inf")


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True)
class Array:
    """A list whose items are all of one kind."""

    items: "Kind"
    min_items: int = 0
    max_items: int = 100
    is_unique: bool = False


@dataclass(frozen=True, slots=True)
class Dictionary:
    """An object whose member names the caller chooses, such as `client_metadata`."""

    values: "Kind"
    max_members: int = 10
    max_name_length: int = 255


@dataclass(frozen=True, slots=True, init=False)
class Object:
    """A nested object with declared members."""

    properties: tuple["Property", ...]

    def __init__(self, *properties: "Property") -> None:
        object.__setattr__(self, "properties", properties)


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value: kept and given back, never interpreted."""


Kind = Text | Integer | Number | Boolean | Array | Dictionary | Object | Anything


@dataclass(frozen=True, slots=True)
class Property:
    """One member of a resource.

    Attributes:
        description: one sentence, without its full stop; error messages and the reference page show it.
        is_required: must be there when the resource is created.
        is_nullable: may be `null`, which on a PATCH means: remove.
        is_read_only: ours alone; refused in every body.
        is_immutable: may be given at creation only.
        default: what creation fills in.
        scopes: reading it needs one of these; empty means that reading the resource is enough.
        waits: for what it is kept until it has an effect; empty when it has one, or is only ever given back.
    """

    name: str
    kind: Kind
    description: str = ""
    is_required: bool = False
    is_nullable: bool = False
    is_read_only: bool = False
    is_immutable: bool = False
    default: Any = MISSING
    scopes: tuple[str, ...] = ()
    waits: str = ""


@dataclass(frozen=True, slots=True, init=False)
class Resource:
    """A kind of thing the Management API serves: its name in lists, and its members."""

    name: str
    properties: tuple[Property, ...]

    def __init__(self, name: str, *properties: Property) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "properties", properties)
