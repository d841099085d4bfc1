"""The rows of consents: load and lock, save, compare. All folded but `created_at`."""

from collections.abc import Sequence
from typing import Any, Final

from libs.eventstore import Event, Loaded
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection, Record
from services.login.rules import consent as rules
from services.login.rules.consent import Consent, NoConsent, State

STREAM: Final = "consent-"
COLUMNS: Final = "consent_id, version, person, client_id, audience, scope, is_given"

SAVE: Final = """
INSERT INTO consents (tenant, consent_id, version, person, client_id, audience, scope, is_given)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant, consent_id) DO UPDATE
SET version = excluded.version, scope = excluded.scope, is_given = excluded.is_given
"""


class ConsentRows:
    """The aggregate `consent`: one row in `consents`."""

    def stream(self, command: Any) -> str:
        """One stream per consent."""
        return f"{STREAM}{command.consent_id}"

    def evolve(self, state: State, event: Event) -> State:
        """See `rules.consent`."""
        return rules.evolve(state, event)

    async def load(self, rows: Connection, command: Any) -> Loaded[State]:
        """Lock the consent's row."""
        row = await rows.fetchrow(
            f"SELECT {COLUMNS} FROM consents WHERE tenant = $1 AND consent_id = $2 FOR UPDATE",  # noqa: S608
            command.tenant,
            command.consent_id,
        )
        return Loaded(consent_of(row), row["version"]) if row else Loaded(NoConsent(), 0)

    async def save(self, rows: Connection, command: Any, _before: Loaded[State], after: Loaded[State]) -> None:
        """Write the row."""
        assert isinstance(after.state, Consent), "an event makes a consent or is about one"
        now = after.state
        said = (now.person, now.client_id, now.audience, list(now.scope), now.is_given)
        await rows.execute(SAVE, command.tenant, command.consent_id, after.version, *said)


def consent_of(row: Record) -> Consent:
    """The consent of a row."""
    return Consent(
        row["consent_id"], row["person"], row["client_id"], row["audience"], tuple(row["scope"]), row["is_given"]
    )


async def _stored(rows: Connection, tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    found = await rows.fetch(
        f"SELECT tenant, {COLUMNS} FROM consents "  # noqa: S608
        "JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, consent_id) USING (tenant, consent_id)",
        tenants,
        [stream.removeprefix(STREAM) for stream in streams],
    )
    return {(row["tenant"], STREAM + row["consent_id"]): consent_of(row) for row in found}


FOLD: Final[FoldCheck[Any]] = FoldCheck[Any](
    name="consent",
    streams=STREAM,
    initial=NoConsent(),
    evolve=rules.evolve,
    shape=lambda state: state if isinstance(state, Consent) else None,
    read=_stored,
    keys=f"SELECT tenant, '{STREAM}' || consent_id AS stream FROM consents",  # noqa: S608
)
"""How `limen verify` compares consents with their facts."""
