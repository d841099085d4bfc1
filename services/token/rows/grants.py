"""The rows of grants: one in `grants` while it lives, none when it has ended; load and lock, remove, compare."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from libs.eventstore import Event, Loaded
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection, Record
from services.token.commands import AnnotateGrant
from services.token.events import GrantStarted
from services.token.rules import grant
from services.token.rules.grant import EndedGrant, LivingGrant

STREAM: Final = "grant-"

FOLDED: Final = (
    "grant_id, client_id, person, session_id, scope, audience, auth_time, acr, amr, org_id, cnf, resource, act, "
    "is_offline, created_at, expires_at"
)
"""Its folded columns besides the version."""

GRANT: Final = f"SELECT version, {FOLDED} FROM grants WHERE tenant = $1 AND grant_id = $2 FOR UPDATE"  # noqa: S608

ANNOTATE: Final = "UPDATE grants SET metadata = $3 WHERE tenant = $1 AND grant_id = $2"


class GrantRows:
    """The aggregate `grant`. A code's redemption writes the row; from here it is noted of, and removed."""

    def stream(self, command: Any) -> str:
        """One stream per grant."""
        return f"{STREAM}{command.grant_id}"

    def evolve(self, state: grant.State, event: Event) -> grant.State:
        """See `rules.grant`."""
        return grant.evolve(state, event)

    async def load(self, rows: Connection, command: Any) -> Loaded[grant.State]:
        """Lock the grant's row."""
        row = await rows.fetchrow(GRANT, command.tenant, command.grant_id)
        return Loaded(grant.START, 0) if row is None else Loaded(LivingGrant(_started(row)), row["version"])

    async def save(
        self, rows: Connection, command: Any, _before: Loaded[grant.State], after: Loaded[grant.State]
    ) -> None:
        """Remove the row of a grant that has ended, or write what is noted of it."""
        if isinstance(command, AnnotateGrant):
            said = msgspec.json.encode(command.metadata).decode() if command.metadata else None
            await rows.execute(ANNOTATE, command.tenant, command.grant_id, said)
        elif isinstance(after.state, EndedGrant):
            await rows.execute(
                "DELETE FROM grants WHERE tenant = $1 AND grant_id = $2", command.tenant, command.grant_id
            )


def _started(row: Record) -> GrantStarted:
    return GrantStarted(
        grant_id=row["grant_id"],
        client_id=row["client_id"],
        person=row["person"],
        session_id=row["session_id"],
        scope=list(row["scope"]),
        audience=row["audience"],
        auth_time=row["auth_time"],
        acr=row["acr"],
        amr=list(row["amr"]),
        is_offline=row["is_offline"],
        started_at=row["created_at"],
        expires_at=row["expires_at"],
        org_id=row["org_id"],
        cnf=_json(row["cnf"]),
        resource=list(row["resource"]),
        act=_json(row["act"]),
    )


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


def _shape(state: grant.State) -> object:
    return state.started if isinstance(state, LivingGrant) else None


async def _stored(rows: Connection, tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    found = await rows.fetch(
        f"SELECT tenant, {FOLDED} FROM grants "  # noqa: S608
        "JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, grant_id) USING (tenant, grant_id)",
        tenants,
        [stream.removeprefix(STREAM) for stream in streams],
    )
    return {(row["tenant"], STREAM + row["grant_id"]): _started(row) for row in found}


FOLD: Final[FoldCheck[Any]] = FoldCheck[Any](
    name="grant",
    streams=STREAM,
    initial=grant.START,
    evolve=grant.evolve,
    shape=_shape,
    read=_stored,
    keys=f"SELECT tenant, '{STREAM}' || grant_id AS stream FROM grants",  # noqa: S608
)
"""How `limen verify` compares grants with their facts."""
