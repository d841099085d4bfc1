"""What public events are made of: their common class, and the kinds of fields that several of them have."""

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]

Changed = Annotated[list[str], msgspec.Meta(description="Names of the properties, in the order of the alphabet.")]

Reason = Annotated[str, msgspec.Meta(description="Which of our rules refused, by the name of its class.")]


class PublicEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A public event; `entity` says what it is about, `key` which of its fields tells which one."""

    entity: ClassVar[str]
    key: ClassVar[str]
    v: ClassVar[int] = 1
