"""Owns the AsyncAPI document of the public feed, `docs/reference/asyncapi.json`, as a subscriber sees it.

Source: the AsyncAPI specification 3.0.0. A channel is what an entity's events are sent to; its messages are those
events.
"""

import json
from collections.abc import Sequence
from inspect import cleandoc
from typing import Any, Final

import msgspec

from libs.eventstore.names import FEED_STREAM, FEED_SUBJECT
from services.audit.events.kinds import PublicEvent
from services.audit.events.public import PUBLIC, name_of
from services.cli.docs.published import Schema, by_entity, headers, type_of
from services.cli.main import version

HEADERS: Final = "Headers"

DESCRIPTION: Final = f"""\
What a service that is not Limen's own may hear, written for the one who hears it: `receive` is what a subscriber does.
Messages are CloudEvents 1.0 in NATS's binary mode, in the JetStream stream `{FEED_STREAM}`. A subscriber pulls them through a durable consumer that was made for it by `limen subscriber add`, and acknowledges each."""  # noqa: E501  # one sentence per line

SERVER: Final[Schema] = {
    "host": "{host}",
    "protocol": "nats",
    "description": "The NATS server; `limen subscriber add` prints its address with a subscriber's credentials.",
    "variables": {"host": {"default": "localhost:4222", "description": "Host and port."}},
    "security": [{"$ref": "#/components/securitySchemes/subscriber"}],
}

PARAMETERS: Final[Schema] = {
    "tenant": {"description": "The tenant it happened in."},
    "id": {
        "description": "The entity's id; `x-` and a hash where that could be no token of a subject, `unknown` for none."
    },
}


def page() -> str:
    """The document's file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> Schema:
    """The document."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:limen:feed",
        "info": {
            "title": "Limen public events",
            "version": version(),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"nats": SERVER},
        "channels": {entity: _channel(entity, events) for entity, events in by_entity().items()},
        "operations": {f"receive_{entity}": _operation(entity, events) for entity, events in by_entity().items()},
        "components": _components(),
    }


def _channel(entity: str, events: Sequence[type[PublicEvent]]) -> Schema:
    names = [name_of(event).partition(".")[2] for event in events]
    shared = {name: {"$ref": f"#/components/parameters/{name}"} for name in PARAMETERS}
    return {
        "address": f"{FEED_SUBJECT}.{{tenant}}.{entity}.{{id}}.{{event}}",
        "title": entity,
        "description": f"Events about a {entity.replace('_', ' ')}.",
        "servers": [{"$ref": "#/servers/nats"}],
        "parameters": {**shared, "event": {"description": "What happened.", "enum": names}},
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"} for event in events},
    }


def _operation(entity: str, events: Sequence[type[PublicEvent]]) -> Schema:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{entity}"},
        "summary": f"Hear what happens to a {entity.replace('_', ' ')}.",
        "messages": [{"$ref": f"#/channels/{entity}/messages/{event.__name__}"} for event in events],
    }


def _components() -> Schema:
    _, schemas = msgspec.json.schema_components(PUBLIC, ref_template="#/components/schemas/{name}")
    return {
        "messages": {event.__name__: _message(event) for event in PUBLIC},
        "schemas": {HEADERS: headers(), **schemas},
        "parameters": PARAMETERS,
        "securitySchemes": {"subscriber": {"type": "userPassword", "description": "A subscriber's NATS account."}},
    }


def _message(event: type[PublicEvent]) -> Schema:
    own: dict[str, Any] = {"type": "object", "properties": {"ce-type": {"const": type_of(event)}}}
    return {
        "name": type_of(event),
        "title": name_of(event),
        "summary": cleandoc(event.__doc__ or ""),
        "contentType": "application/json",
        "headers": {"allOf": [{"$ref": f"#/components/schemas/{HEADERS}"}, own]},
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
    }
