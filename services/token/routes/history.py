"""`/api/v2/clients/{id}/history`: what happened to an application, by whom, through which request; Limen's own.

The history outlives the application. A caller sees of it what its scopes would show otherwise: of keys and client
grants, without their scopes, only that something happened to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from libs.edge import Call, Reply, Route, answers
from libs.edge.operation import CHECKPOINTS, Listing, Operation
from libs.edge.paging import MAX_PER_PAGE, PER_PAGE, CheckpointPage
from libs.edge.schema import Anything, Array, Integer, Resource
from libs.eventstore import Envelope
from libs.eventstore.history import told
from services.token.queries.history import client_history
from services.token.routes.clients import KEYS, ONE, scopes_of
from services.token.routes.desk import Desk
from services.token.routes.schemas.kinds import line, members, ours
from services.token.rules.client_reasons import NoSuchClient

CHANGE: Final = Resource(
    "client_history_entry",
    ours("id", line(36), "The event's, UUID version 7"),
    ours("version", Integer(minimum=1), "Its number in the history, from 1"),
    ours("type", line(64), "What happened, as the catalogue of events names it"),
    ours("occurred_at", line(32), "When it was decided"),
    ours("actor", Anything(), "Who did it, by `kind` and `id`; `null` when nobody asked for it"),
    ours("act", Array(members("kind", "id")), "Through whom"),
    ours("client_id", line(64), "The application whose token was used"),
    ours("session_id", line(64)),
    ours("grant_id", line(64)),
    ours("request_id", line(128), "Of the request, as its answer and the logs say it"),
    ours("trace", line(64), "W3C `traceparent`"),
    ours("causation_id", line(64), "Because of which event"),
    ours("correlation_id", line(64)),
    ours("position", line(64), "Where it is in the log; opaque"),
    ours("data", Anything(), "The event's own members"),
)
HISTORY: Final = Operation(query=CHECKPOINTS, answer=Listing("history", CHANGE, has_offsets=False))

GUARDED: Final[Mapping[str, frozenset[str]]] = {
    "token.client_credential_": frozenset({"read:client_credentials", "read:client_keys"}),
    "token.client_grant_": frozenset({"read:client_grants"}),
}
"""Kinds of facts whose data asks for a scope of its own, by how their names begin."""

NAMES: Final = frozenset({"client_id", "credential_id", "grant_id"})
"""Members of data that everybody sees who sees the history."""


def routes(desk: Desk) -> tuple[Route, ...]:
    """The table of routes."""
    return (Route("GET", f"{ONE}/history", History(desk).read, scopes=("read:clients",), operation=HISTORY),)


@dataclass(frozen=True)
class History:
    """The handler."""

    desk: Desk

    async def read(self, call: Call) -> Reply:
        """What happened to an application, the oldest first, also when it is deleted."""
        query = call.query()
        take = query.integer("take", minimum=1, maximum=MAX_PER_PAGE) or PER_PAGE
        page = CheckpointPage(take, query.text("from"))
        window = self.desk.after(call, page)
        found = await client_history(self.desk.database, call.tenant, call.parameters["id"], window)
        if found is None:
            raise NoSuchClient
        scopes = scopes_of(call)
        entries = [_entry(each, scopes) for each in found.items]
        return answers.json(page.answer("history", entries, self.desk.following(call, found.following)))


def _entry(envelope: Envelope, scopes: frozenset[str]) -> dict[str, Any]:
    entry = told(envelope)
    return {**entry, "data": _readable(envelope.type, entry["data"], scopes)}


def _readable(name: str, data: Mapping[str, Any], scopes: frozenset[str]) -> Mapping[str, Any]:
    if any(name.startswith(kind) and scopes.isdisjoint(asked) for kind, asked in GUARDED.items()):
        return {each: value for each, value in data.items() if each in NAMES}
    if "properties" in data and scopes.isdisjoint(GUARDED["token.client_credential_"]):
        properties = {each: value for each, value in data["properties"].items() if each not in KEYS}
        return {**data, "properties": properties}
    return data
