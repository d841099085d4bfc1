"""The rows of applications: one in `clients`, some in the tables beside it; load and lock, save, compare."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.eventstore import Change, Event, Loaded, Place
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection, Record
from services.token.commands import ChangeClientGrant, GrantClient, RegisterClient, RotateClientSecret
from services.token.rules import client
from services.token.rules.client import Client, DeletedClient, Grant, NoClient, Target
from services.token.rules.client_credentials import Credential

STREAM: Final = "client-"

CLIENT = """
SELECT c.tenant, c.client_id, c.version, c.is_deleted, c.properties,
    (SELECT coalesce(
        jsonb_agg(jsonb_build_object('id', s.secret_id, 'expires_at', s.expires_at) ORDER BY s.number), '[]')
     FROM client_secrets s WHERE s.tenant = c.tenant AND s.client_id = c.client_id) AS secrets,
    (SELECT coalesce(jsonb_agg(to_jsonb(k) - 'tenant' - 'client_id' ORDER BY k.created_at, k.credential_id), '[]')
     FROM client_credentials k WHERE k.tenant = c.tenant AND k.client_id = c.client_id) AS credentials,
    (SELECT coalesce(jsonb_agg(to_jsonb(g) - 'tenant' - 'client_id' ORDER BY g.grant_id), '[]')
     FROM client_grants g WHERE g.tenant = c.tenant AND g.client_id = c.client_id) AS grants
FROM clients c WHERE c.tenant = $1 AND c.client_id = $2
"""

CLIENTS = CLIENT.replace(
    "WHERE c.tenant = $1 AND c.client_id = $2",
    "JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, client_id) USING (tenant, client_id)",
)
"""The same of many at once."""


INSERT_NEW: Final = """
WITH new AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bytea[])
        AS new(tenant, client_id, version, properties, secret_id, sha256)
), clients AS (
    INSERT INTO clients (tenant, client_id, version, is_deleted, properties)
    SELECT tenant, client_id, version, false, properties::jsonb FROM new
)
INSERT INTO client_secrets (tenant, client_id, secret_id, number, sha256)
SELECT tenant, client_id, secret_id, 1, sha256 FROM new WHERE secret_id IS NOT NULL
"""
"""Applications with their first secrets."""


class _Secret(msgspec.Struct):
    id: str
    expires_at: datetime | None


class _Credential(msgspec.Struct):
    credential_id: str
    credential_type: str
    name: str | None
    alg: str
    kid: str
    jwk: dict[str, Any]
    expires_at: datetime | None
    created_at: datetime
    counts: bool
    changed_at: datetime | None


class _Grant(msgspec.Struct):
    grant_id: str
    resource_server_id: str
    audience: str
    scope: list[str]
    properties: dict[str, Any]


class ClientRows:
    """The aggregate `client`: one row in `clients`, some in the tables beside it."""

    def stream(self, command: Any) -> str:
        """One stream per application."""
        return f"{STREAM}{command.client_id}"

    def evolve(self, state: client.State, event: Event) -> client.State:
        """See `rules.client`."""
        return client.evolve(state, event)

    async def load(self, rows: Connection, command: Any) -> Loaded[client.State]:
        """Lock the application's row; read the API beside it where the command names one."""
        is_there = await rows.fetchval(
            "SELECT 1 FROM clients WHERE tenant = $1 AND client_id = $2 FOR UPDATE", command.tenant, command.client_id
        )
        row = await rows.fetchrow(CLIENT, command.tenant, command.client_id) if is_there else None
        loaded = _client(command.client_id, row)
        target = await _target(rows, command, loaded.state)
        return Loaded(_with_target(loaded.state, target), loaded.version)

    async def state(self, rows: Connection, tenant: str, client_id: str) -> Loaded[client.State]:
        """The application as its rows say, without a lock."""
        return _client(client_id, await rows.fetchrow(CLIENT, tenant, client_id))

    async def save(
        self, rows: Connection, command: Any, before: Loaded[client.State], after: Loaded[client.State]
    ) -> None:
        """Write what differs; the new secret's hash comes from the command."""
        state, was = after.state, before.state
        await _save_client(rows, command, after)
        old = was if isinstance(was, Client) else Client(command.client_id, {})
        new = state if isinstance(state, Client) else Client(command.client_id, {})
        await _save_secrets(rows, command, old.secrets, new.secrets)
        await _save_credentials(rows, command, old.credentials, new.credentials)
        await _save_grants(rows, command, old.grants, new.grants)


class NewClientRows(ClientRows):
    """Applications that are registered at the same time."""

    async def load_all(self, rows: Connection, commands: Sequence[RegisterClient]) -> dict[Place, Loaded[client.State]]:
        """Lock what is there of them, which is nothing unless a command came twice."""
        found = await rows.fetch(
            "SELECT tenant, client_id FROM clients JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, client_id) "
            "USING (tenant, client_id) FOR UPDATE",
            [each.tenant for each in commands],
            [each.client_id for each in commands],
        )
        there = {(row["tenant"], row["client_id"]) for row in found}
        return {
            (each.tenant, self.stream(each)): await self.load(rows, each)
            if (each.tenant, each.client_id) in there
            else Loaded(NoClient(), 0)
            for each in commands
        }

    async def save_all(self, rows: Connection, changes: Sequence[Change[client.State]]) -> None:
        """Write their rows and those of their secrets, all at once; keys, which few bring along, one by one.

        The rule refuses one that is there already, so every change is the first of its application.
        """
        new = [(change.commands[0], change.after.state, change.after.version) for change in changes]
        living = [(command, state, version) for command, state, version in new if isinstance(state, Client)]
        secrets = [command.secret if _keeps_secret(command, state) else None for command, state, _ in living]
        await rows.execute(
            INSERT_NEW,
            [command.tenant for command, _, _ in living],
            [command.client_id for command, _, _ in living],
            [version for _, _, version in living],
            [_json(state.properties) for _, state, _ in living],
            [secret and secret.secret_id for secret in secrets],
            [secret and secret.sha256 for secret in secrets],
        )
        for command, state, _ in living:
            await _save_credentials(rows, command, {}, state.credentials)


def _keeps_secret(command: RegisterClient, state: Client) -> bool:
    return command.secret is not None and command.secret.secret_id in state.secrets


def _client(client_id: str, row: Record | None) -> Loaded[client.State]:
    if row is None:
        return Loaded(NoClient(), 0)
    if row["is_deleted"]:
        return Loaded(DeletedClient(), row["version"])
    secrets = msgspec.json.decode(row["secrets"], type=list[_Secret])
    credentials = msgspec.json.decode(row["credentials"], type=list[_Credential])
    grants = msgspec.json.decode(row["grants"], type=list[_Grant])
    state = Client(
        client_id,
        msgspec.json.decode(row["properties"]),
        {each.id: each.expires_at for each in secrets},
        {each.credential_id: _credential(each) for each in credentials},
        {
            each.grant_id: Grant(each.resource_server_id, each.audience, tuple(each.scope), each.properties)
            for each in grants
        },
    )
    return Loaded(state, row["version"])


def _credential(row: _Credential) -> Credential:
    return Credential(
        row.credential_type,
        row.name,
        row.alg,
        row.kid,
        row.jwk,
        row.expires_at,
        row.created_at,
        row.counts,
        row.changed_at,
    )


def _with_target(state: client.State, target: Target | None) -> client.State:
    match state:
        case Client():
            return Client(state.client_id, state.properties, state.secrets, state.credentials, state.grants, target)
        case _:
            return state


async def _target(rows: Connection, command: Any, state: client.State) -> Target | None:
    """The API of a grant. FOR SHARE: it must not be deleted or lose a scope while the grant is decided."""
    match command, state:
        case GrantClient(), _:
            where, key = "identifier", command.audience
        case ChangeClientGrant(), Client() if command.grant_id in state.grants:
            where, key = "id", state.grants[command.grant_id].resource_server_id
        case _:
            return None
    row = await rows.fetchrow(
        f"SELECT id, properties FROM resource_servers WHERE tenant = $1 AND {where} = $2 FOR SHARE",  # noqa: S608
        command.tenant,
        key,
    )
    if row is None:
        return None
    scopes = msgspec.json.decode(row["properties"]).get("scopes", [])
    return Target(row["id"], frozenset(each["value"] for each in scopes))


async def _save_client(rows: Connection, command: Any, after: Loaded[client.State]) -> None:
    properties = after.state.properties if isinstance(after.state, Client) else {}
    await rows.execute(
        "INSERT INTO clients (tenant, client_id, version, is_deleted, properties) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (tenant, client_id) DO UPDATE SET version = excluded.version, "
        "is_deleted = excluded.is_deleted, properties = excluded.properties, updated_at = now()",
        command.tenant,
        command.client_id,
        after.version,
        not isinstance(after.state, Client),
        _json(properties),
    )


async def _save_secrets(
    rows: Connection, command: Any, old: Mapping[str, datetime | None], new: Mapping[str, datetime | None]
) -> None:
    for secret_id in old:
        if secret_id not in new:
            await rows.execute(
                "DELETE FROM client_secrets WHERE tenant = $1 AND client_id = $2 AND secret_id = $3",
                command.tenant,
                command.client_id,
                secret_id,
            )
        elif new[secret_id] != old[secret_id]:
            await rows.execute(
                "UPDATE client_secrets SET expires_at = $4 WHERE tenant = $1 AND client_id = $2 AND secret_id = $3",
                command.tenant,
                command.client_id,
                secret_id,
                new[secret_id],
            )
    if isinstance(command, RegisterClient | RotateClientSecret) and command.secret and command.secret.secret_id in new:
        await rows.execute(
            "INSERT INTO client_secrets (tenant, client_id, secret_id, number, sha256) VALUES ($1, $2, $3, "
            "(SELECT coalesce(max(number), 0) + 1 FROM client_secrets WHERE tenant = $1 AND client_id = $2), $4)",
            command.tenant,
            command.client_id,
            command.secret.secret_id,
            command.secret.sha256,
        )


async def _save_credentials(
    rows: Connection, command: Any, old: Mapping[str, Credential], new: Mapping[str, Credential]
) -> None:
    for credential_id in old.keys() - new.keys():
        await rows.execute(
            "DELETE FROM client_credentials WHERE tenant = $1 AND client_id = $2 AND credential_id = $3",
            command.tenant,
            command.client_id,
            credential_id,
        )
    for credential_id in [each for each in new if new[each] != old.get(each)]:
        each = new[credential_id]
        await rows.execute(
            "INSERT INTO client_credentials (tenant, client_id, credential_id, credential_type, name, alg, kid, jwk, "
            "expires_at, created_at, counts, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
            "ON CONFLICT (tenant, client_id, credential_id) DO UPDATE "
            "SET expires_at = excluded.expires_at, counts = excluded.counts, changed_at = excluded.changed_at",
            command.tenant,
            command.client_id,
            credential_id,
            each.credential_type,
            each.name,
            each.alg,
            each.kid,
            _json(each.jwk),
            each.expires_at,
            each.created_at,
            each.counts,
            each.changed_at,
        )


async def _save_grants(rows: Connection, command: Any, old: Mapping[str, Grant], new: Mapping[str, Grant]) -> None:
    for grant_id in old.keys() - new.keys():
        await rows.execute("DELETE FROM client_grants WHERE tenant = $1 AND grant_id = $2", command.tenant, grant_id)
    for grant_id in [each for each in new if new[each] != old.get(each)]:
        each = new[grant_id]
        await rows.execute(
            "INSERT INTO client_grants (tenant, grant_id, client_id, resource_server_id, audience, scope, properties) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, grant_id) "
            "DO UPDATE SET scope = excluded.scope, properties = excluded.properties",
            command.tenant,
            grant_id,
            command.client_id,
            each.resource_server_id,
            each.audience,
            list(each.scope),
            _json(each.properties),
        )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _shape(state: client.State) -> object:
    """What the rows must say of an application."""
    match state:
        case NoClient():
            return None
        case DeletedClient():
            return "deleted"
        case Client():
            return state.properties, dict(state.secrets), dict(state.credentials), dict(state.grants)


async def _stored(rows: Connection, tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    found = await rows.fetch(CLIENTS, tenants, [stream.removeprefix(STREAM) for stream in streams])
    return {(row["tenant"], STREAM + row["client_id"]): _shape(_client(row["client_id"], row).state) for row in found}


FOLD: Final[FoldCheck[Any]] = FoldCheck[Any](
    name="client",
    streams=STREAM,
    initial=NoClient(),
    evolve=client.evolve,
    shape=_shape,
    read=_stored,
    keys=f"SELECT tenant, '{STREAM}' || client_id AS stream FROM clients",  # noqa: S608
)
"""How `limen verify` compares applications with their facts."""
