"""`/api/v2/connections`: the ways to sign in, and which applications may use them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Call, Query, Reply, Route, answers
from libs.edge.management_errors import BadRequest, NotSupported
from libs.edge.operation import CHECKPOINTS, FIELDS, GONE, PAGES, Listing, Operation, Parameter, line
from libs.edge.paging import CheckpointPage, Fields, OffsetPage, requested
from libs.edge.schema import Array, Object
from libs.edge.validation import body, changed, created, violation
from libs.runtime import ids
from services.connections import queries
from services.connections.commands import ChangeConnection, CreateConnection, DeleteConnection, EnableConnection
from services.connections.queries import ConnectionRow, Filter
from services.connections.routes.applications import require_clients
from services.connections.routes.desk import Desk
from services.connections.routes.schemas.connection import CLIENTS, CONNECTION, MOST_CLIENTS, refuse_promises
from services.connections.rules.connection import Connection, NoSuchConnection
from services.connections.rules.defaults import DATABASE_STRATEGY, OPTIONS

PATH: Final = "/api/v2/connections"
ONE: Final = f"{PATH}/{{id}}"
OPTIONS_SCOPE: Final = "read:connections_options"

LIST: Final = Operation(
    query=(
        *PAGES,
        *CHECKPOINTS,
        *FIELDS,
        Parameter("strategy", Array(line(64)), "Only connections of these kinds"),
        Parameter("name", line(128), "Only the one so called"),
    ),
    answer=Listing("connections", CONNECTION),
)
CREATE: Final = Operation(body=CONNECTION, answer=CONNECTION, status=201, identified_by="id")
CHANGE: Final = Operation(body=CONNECTION, answer=CONNECTION)
CLIENT_LIST: Final = Operation(
    query=CHECKPOINTS, answer=Listing("clients", Object(CLIENTS.properties[0]), has_offsets=False)
)

Items = Callable[[Iterable[ConnectionRow]], list[dict[str, Any]]]
"""What makes rows the items of an answer."""


def routes(desk: Desk, bus: Bus) -> tuple[Route, ...]:
    """The table of routes."""
    each = Connections(desk, bus)
    read, update = ("read:connections",), ("update:connections",)
    return (
        Route("GET", PATH, each.list, scopes=read, operation=LIST),
        Route("POST", PATH, each.create, scopes=("create:connections",), operation=CREATE),
        Route("GET", ONE, each.read, scopes=read, operation=Operation(query=FIELDS, answer=CONNECTION)),
        Route("PATCH", ONE, each.change, scopes=update, operation=CHANGE),
        Route("DELETE", ONE, each.delete, scopes=("delete:connections",), operation=GONE),
        Route("GET", f"{ONE}/status", each.status, scopes=read, operation=Operation()),
        Route("GET", f"{ONE}/clients", each.clients, scopes=read, operation=CLIENT_LIST),
        Route("PATCH", f"{ONE}/clients", each.enable, scopes=update, operation=GONE),
    )


@dataclass(frozen=True)
class Connections:
    """The handlers."""

    desk: Desk
    bus: Bus

    async def list(self, call: Call) -> Reply:
        """A page of the connections that are wanted, in any of the three shapes."""
        query = call.query()
        fields, page, readable = Fields.requested(query), requested(query), _readable(call)

        def items(rows: Iterable[ConnectionRow]) -> Any:
            return [fields.of(readable(_row(each))) for each in rows]

        if isinstance(page, CheckpointPage):
            return await self._from(call, page, items)
        wanted = _filter(query)
        found = await queries.connections(self.desk.database, call.tenant, wanted, page.start, page.per_page)
        return answers.json(page.answer("connections", items(found), await self._total(call, page, wanted)))

    async def _from(self, call: Call, page: CheckpointPage, items: Items) -> Reply:
        wanted = _filter(call.query(), after=self.desk.position(call, page))
        found = await queries.connections(self.desk.database, call.tenant, wanted, 0, page.take + 1)
        last = found[page.take - 1].connection_id if len(found) > page.take else None
        return answers.json(page.answer("connections", items(found[: page.take]), self.desk.following(call, last)))

    async def _total(self, call: Call, page: OffsetPage, wanted: Filter) -> int:
        if not page.include_totals:
            return 0
        return await queries.how_many(self.desk.database, call.tenant, wanted)

    async def create(self, call: Call) -> Reply:
        """Make a connection; `enabled_clients` may use it at once."""
        _refuse_strategy(body(call))
        properties = created(CONNECTION, call)
        refuse_promises(properties)
        name, strategy = properties.pop("name"), properties.pop("strategy")
        enabled = properties.pop("enabled_clients", [])
        await require_clients(self.bus, call.tenant, enabled)
        command = CreateConnection(
            tenant=call.tenant,
            connection_id=ids.prefixed("con", 16),
            name=name,
            strategy=strategy,
            properties=properties,
            enabled=enabled,
        )
        readable = _readable(call)
        return await self.desk.once(
            command, call, lambda made: answers.json(readable(_state(made, sorted(made.enabled))), status=201)
        )

    async def read(self, call: Call) -> Reply:
        """One connection."""
        fields = Fields.requested(call.query())
        return answers.json(fields.of(_readable(call)(_row(await self._named(call)))))

    async def change(self, call: Call) -> Reply:
        """Change some properties; `options` are replaced as a whole."""
        properties = changed(CONNECTION, call)
        refuse_promises(properties)
        if properties.get("options") is not None:
            properties["options"] = {**OPTIONS, **properties["options"]}
        enabled = properties.pop("enabled_clients", None)
        await self._require_clients(call, enabled or [])
        command = ChangeConnection(
            tenant=call.tenant, connection_id=call.parameters["id"], enabled=enabled, properties=properties
        )
        done = await self.desk.run(command, call)
        row = await self._named(call)
        shown = _state(done.committed.state, row.enabled)
        return answers.json(_readable(call)(shown), headers=done.headers)

    async def delete(self, call: Call) -> Reply:
        """Delete a connection; 204 also where there was none."""
        _, headers = await self.desk.run(
            DeleteConnection(tenant=call.tenant, connection_id=call.parameters["id"]), call
        )
        return answers.empty(headers=headers)

    async def status(self, call: Call) -> Reply:
        """Whether people can sign in by it: a database is always there (Auth0 answers nothing then)."""
        await self._named(call)
        return answers.empty(status=200)

    async def clients(self, call: Call) -> Reply:
        """A page of the applications that may use it."""
        await self._named(call)
        query = call.query()
        page = CheckpointPage(query.integer("take", minimum=1, maximum=100) or 50, query.text("from"))
        after = self.desk.position(call, page)
        found = await queries.clients(self.desk.database, call.tenant, call.parameters["id"], after, page.take + 1)
        last = found[page.take - 1] if len(found) > page.take else None
        items = [{"client_id": each} for each in found[: page.take]]
        return answers.json(page.answer("clients", items, self.desk.following(call, last)))

    async def enable(self, call: Call) -> Reply:
        """Let applications use it, or no longer; those that are not named stay as they are."""
        clients = _wanted_clients(body(call))
        await self._require_clients(call, [each for each, may in clients.items() if may])
        command = EnableConnection(tenant=call.tenant, connection_id=call.parameters["id"], clients=clients)
        _, headers = await self.desk.run(command, call)
        return answers.empty(headers=headers)

    async def _require_clients(self, call: Call, client_ids: Sequence[str]) -> None:
        """That those which are let in now are there; who is in already may be said again."""
        if client_ids:
            row = await self._named(call)
            await require_clients(self.bus, call.tenant, set(client_ids) - set(row.enabled))

    async def _named(self, call: Call) -> ConnectionRow:
        row = await queries.connection(self.desk.database, call.tenant, call.parameters["id"])
        if row is None:
            raise NoSuchConnection
        return row


def _filter(query: Query, after: str = "") -> Filter:
    strategies = query.texts("strategy")
    return Filter(strategies=tuple(strategies) or None, name=query.text("name"), after=after)


def _refuse_strategy(said: Any) -> None:
    strategy = said.get("strategy") if isinstance(said, dict) else None
    if isinstance(strategy, str) and strategy != DATABASE_STRATEGY:
        raise NotSupported(f"Connections of the strategy {strategy[:64]!a} are not supported yet; auth0 is.")


def _wanted_clients(said: Any) -> dict[str, bool]:
    kind = Array(Object(*CLIENTS.properties), min_items=1, max_items=MOST_CLIENTS)
    if (wrong := violation(kind, said)) is not None:
        raise BadRequest(f"Payload validation error: '{wrong}'.")
    return {each["client_id"]: each["status"] for each in said}


def _readable(call: Call) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What leaves out the options where the caller's scopes do not show them."""
    claims: Mapping[str, Any] = call.claims or {}
    if OPTIONS_SCOPE in str(claims.get("scope", "")).split(" "):
        return lambda members: members
    return lambda members: {name: value for name, value in members.items() if name != "options"}


def listed(row: ConnectionRow) -> dict[str, Any]:
    """A connection among those of an application: without the others that may use it."""
    return {name: value for name, value in _row(row).items() if name != "enabled_clients"}


def _row(row: ConnectionRow) -> dict[str, Any]:
    return _members(row.connection_id, row.name, row.strategy, row.properties, row.enabled)


def _state(state: Connection, enabled: list[str]) -> dict[str, Any]:
    return _members(state.connection_id, state.name, state.strategy, state.properties, enabled)


def _members(
    connection_id: str, name: str, strategy: str, properties: Mapping[str, Any], enabled: list[str]
) -> dict[str, Any]:
    ours = {"id": connection_id, "name": name, "strategy": strategy}
    return {**ours, **properties, "enabled_clients": enabled}
