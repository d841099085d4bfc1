"""The rows of a tenant's keys: loaded and locked, saved.

Folded: all columns of `key_lines`, and of `signing_keys` all but `wrapped`. Authoritative: `wrapped`, which travels
from the command to its row and is in no event.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from libs.eventstore import Event, Loaded
from libs.eventstore.verify import FoldCheck
from libs.eventstore.verify import Key as Aggregate
from libs.postgres import Connection, Record
from services.key_rotation.commands import Candidate
from services.key_rotation.events import SigningKeyPublished
from services.key_rotation.rules import signing_keys as rules
from services.key_rotation.rules.signing_keys import Key, Keys

STREAM: Final = "signing-keys"


class SigningKeysAggregate:
    """A tenant's keys as `execute` sees them."""

    def stream(self, _command: Any) -> str:
        """A tenant's keys are one stream: their order decides."""
        return STREAM

    async def load(self, rows: Connection, command: Any) -> Loaded[Keys]:
        """Lock the tenant's line and read its keys."""
        version = await rows.fetchval(
            "SELECT version FROM key_lines WHERE tenant = $1 FOR NO KEY UPDATE", command.tenant
        )
        return Loaded(await keys_of(rows, command.tenant), version or 0)

    def evolve(self, state: Keys, event: Event) -> Keys:
        """See `rules.signing_keys.evolve`."""
        return rules.evolve(state, event)

    async def save(self, rows: Connection, command: Any, before: Loaded[Keys], after: Loaded[Keys]) -> None:
        """Write the line's version, the new keys and the changed ones."""
        await rows.execute(INSERT_LINE if before.version == 0 else UPDATE_LINE, command.tenant, after.version)
        known = {key.kid: key for key in before.state.keys}
        candidates = {candidate.kid: candidate for candidate in command.candidates}
        for key in after.state.keys:
            if key.kid not in known:
                await _insert(rows, command.tenant, key, candidates[key.kid])
            elif key != known[key.kid]:
                await rows.execute(UPDATE_KEY, command.tenant, key.kid, key.active_from, key.is_revoked)


INSERT_LINE: Final = "INSERT INTO key_lines (tenant, version) VALUES ($1, $2)"
UPDATE_LINE: Final = "UPDATE key_lines SET version = $2 WHERE tenant = $1"
UPDATE_KEY: Final = "UPDATE signing_keys SET active_from = $3, is_revoked = $4 WHERE tenant = $1 AND kid = $2"
INSERT_KEY: Final = (
    "INSERT INTO signing_keys (tenant, kid, alg, jwk, published_at, active_from, is_revoked, wrapped) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
)


async def _insert(rows: Connection, tenant: str, key: Key, candidate: Candidate) -> None:
    jwk = msgspec.json.encode(candidate.jwk, order="deterministic").decode()
    await rows.execute(
        INSERT_KEY,
        tenant,
        key.kid,
        key.alg,
        jwk,
        key.published_at,
        key.active_from,
        key.is_revoked,
        candidate.wrapped,
    )


async def keys_of(rows: Connection, tenant: str) -> Keys:
    """The keys of `tenant`, in order of publication."""
    found = await rows.fetch(
        "SELECT kid, alg, published_at, active_from, is_revoked FROM signing_keys "
        "WHERE tenant = $1 ORDER BY published_at, active_from, kid",
        tenant,
    )
    return Keys(tuple(_key(row) for row in found))


def _key(row: Record) -> Key:
    return Key(row["kid"], row["alg"], row["published_at"], row["active_from"], is_revoked=row["is_revoked"])


@dataclass(frozen=True)
class Published:
    """The keys and what is published of them, for the comparison with the rows."""

    keys: Keys = field(default_factory=Keys)
    jwks: Mapping[str, Any] = field(default_factory=dict)

    def after(self, event: Event) -> "Published":
        """With `event` taken in."""
        new = {event.kid: event.jwk} if isinstance(event, SigningKeyPublished) else {}
        return Published(rules.evolve(self.keys, event), {**self.jwks, **new})

    def rows(self) -> dict[str, tuple[Key, Any]] | None:
        """What the rows must say, by kid."""
        return {key.kid: (key, self.jwks[key.kid]) for key in self.keys.keys} or None


async def _stored(
    rows: Connection, tenants: Sequence[str], _streams: Sequence[str]
) -> dict[Aggregate, dict[str, tuple[Key, Any]]]:
    found: dict[Aggregate, dict[str, tuple[Key, Any]]] = {}
    for row in await rows.fetch(
        "SELECT tenant, kid, alg, jwk, published_at, active_from, is_revoked FROM signing_keys WHERE tenant = ANY ($1)",
        tenants,
    ):
        of_tenant = found.setdefault((row["tenant"], STREAM), {})
        of_tenant[row["kid"]] = (_key(row), json.loads(row["jwk"]))
    return found


FOLD: Final = FoldCheck(
    name="signing keys",
    streams=STREAM,
    initial=Published(),
    evolve=Published.after,
    shape=Published.rows,
    read=_stored,
    keys=f"SELECT tenant, '{STREAM}' AS stream FROM key_lines",  # noqa: S608
)
"""How `limen verify` compares signing keys with their facts."""
