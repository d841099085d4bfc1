"""Owns the JSON Schemas of public events, one file each: `docs/reference/schemas/auth.v1.client.registered.json`."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from services.audit.events.kinds import PublicEvent
from services.audit.events.public import PUBLIC
from services.cli.docs.published import Schema, type_of

FOLDER: Final = "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def pages() -> Mapping[str, Callable[[], str]]:
    """What makes each file, by its name."""
    return {f"{FOLDER}/{type_of(event)}.json": partial(page, event) for event in PUBLIC}


def page(event: type[PublicEvent]) -> str:
    """The file of one event."""
    return json.dumps(schema(event), indent=1, ensure_ascii=False) + "\n"


def schema(event: type[PublicEvent]) -> Schema:
    """What an event's data looks like; more fields may come."""
    definitions = dict(msgspec.json.schema(event)["$defs"])
    own = definitions.pop(event.__name__)
    head = {"$schema": DIALECT, "$id": f"urn:limen:schema:{type_of(event)}", **own, "title": type_of(event)}
    return {**head, "$defs": definitions} if definitions else head
