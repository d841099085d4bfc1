"""`/api/v2/clients/{client_id}/credentials`: public keys of applications.

A new one counts when `client_authentication_methods` of its application names it, and not before.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from libs.edge import Call, Reply, Route, answers
from libs.edge.operation import GONE, Operation
from libs.edge.schema import Array, Object
from libs.edge.validation import changed, created
from services.token import queries
from services.token.commands import AddClientCredential, ChangeClientCredential, DeleteClientCredential
from services.token.queries import CredentialRow
from services.token.routes import credentials
from services.token.routes.desk import Desk
from services.token.routes.schemas.client_credential import CHANGE, NEW, SHOWN
from services.token.rules.client import Client
from services.token.rules.client_reasons import NoSuchClient, UnknownCredential

PATH: Final = "/api/v2/clients/{client_id}/credentials"
ONE: Final = "/api/v2/clients/{client_id}/credentials/{credential_id}"

READ: Final = ("read:client_credentials",)
LIST: Final = Operation(answer=Array(Object(*SHOWN.properties)))
CREATE: Final = Operation(body=NEW, answer=SHOWN, status=201, errors=(404,), identified_by="id")
UPDATE: Final = Operation(body=CHANGE, answer=SHOWN)


def routes(desk: Desk) -> tuple[Route, ...]:
    """The table of routes."""
    keys = ClientCredentials(desk)
    return (
        Route("GET", PATH, keys.list, scopes=READ, operation=LIST),
        Route("POST", PATH, keys.create, scopes=("create:client_credentials",), operation=CREATE),
        Route("GET", ONE, keys.read, scopes=READ, operation=Operation(answer=SHOWN)),
        Route("PATCH", ONE, keys.change, scopes=("update:client_credentials",), operation=UPDATE),
        Route("DELETE", ONE, keys.delete, scopes=("delete:client_credentials",), operation=GONE),
    )


@dataclass(frozen=True)
class ClientCredentials:
    """The handlers."""

    desk: Desk

    async def list(self, call: Call) -> Reply:
        """All public keys of an application, the oldest first; there are never many, so there are no pages."""
        return answers.json([_members(each) for each in await self._all(call)])

    async def create(self, call: Call) -> Reply:
        """Register a public key; it does not count yet."""
        new = credentials.new(created(NEW, call))
        command = AddClientCredential(call.tenant, call.parameters["client_id"], new)
        return await self.desk.once(
            command, call, lambda client: answers.json(_state(client, new.credential_id), status=201)
        )

    async def read(self, call: Call) -> Reply:
        """One public key."""
        wanted = call.parameters["credential_id"]
        found = next((each for each in await self._all(call) if each.credential_id == wanted), None)
        if found is None:
            raise UnknownCredential
        return answers.json(_members(found))

    async def change(self, call: Call) -> Reply:
        """Let a public key end at another time, or never; nothing else of it changes."""
        body = changed(CHANGE, call)
        client_id, credential_id = call.parameters["client_id"], call.parameters["credential_id"]
        if "expires_at" not in body:
            return await self.read(call)
        ends = credentials.time(body["expires_at"], "expires_at")
        command = ChangeClientCredential(call.tenant, client_id, credential_id, ends)
        committed, headers = await self.desk.run(command, call)
        return answers.json(_state(committed.state, credential_id), headers=headers)

    async def delete(self, call: Call) -> Reply:
        """Delete a public key; 204 also where there was none. The only one that counts stays."""
        client_id, credential_id = call.parameters["client_id"], call.parameters["credential_id"]
        _, headers = await self.desk.run(DeleteClientCredential(call.tenant, client_id, credential_id), call)
        return answers.empty(headers=headers)

    async def _all(self, call: Call) -> tuple[CredentialRow, ...]:
        found = await queries.client_credentials(self.desk.database, call.tenant, call.parameters["client_id"])
        if found is None:
            raise NoSuchClient
        return found


def _state(client: Client, credential_id: str) -> dict[str, Any]:
    key = client.credentials[credential_id]
    row = CredentialRow(
        credential_id, key.credential_type, key.name, key.alg, key.kid, key.expires_at, key.created_at, key.changed_at
    )
    return _members(row)


def _members(row: CredentialRow) -> dict[str, Any]:
    members = {
        "id": row.credential_id,
        "name": row.name,
        "kid": row.kid,
        "alg": row.alg,
        "credential_type": row.credential_type,
        "created_at": _moment(row.created_at),
        "updated_at": _moment(row.changed_at or row.created_at),
        "expires_at": _moment(row.expires_at) if row.expires_at else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _moment(at: datetime) -> str:
    """As Auth0 writes it: UTC, milliseconds, `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
