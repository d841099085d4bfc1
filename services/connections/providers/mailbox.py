"""The development mailbox: mails are kept where a developer reads them, instead of being sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from libs.postgres import Database
from services.connections.providers.letters import Letter
from services.connections.providers.sealing import Sealing
from services.connections.providers.smtp import Letters
from services.connections.rows import mailbox
from services.connections.rows.deliveries import Leased

WHAT: Final = "mailbox"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as `/dev/mailbox.json` shows it."""

    id: str
    to: str
    subject: str
    template: str
    text: str
    html: str
    links: list[str]
    at: datetime


@dataclass(frozen=True)
class Mailbox:
    """The provider of the kind `mail` in development, and what it keeps."""

    database: Database
    letters: Letters
    sealing: Sealing

    async def deliver(self, leased: Leased, payload: bytes) -> None:
        """Keep the mail.

        Raises:
            Never: there is no mail to keep.
        """
        made = await self.letters.of(payload)
        sealed = self.sealing.seal(
            msgspec.msgpack.encode(made), tenant=leased.tenant, delivery_id=leased.delivery_id, what=WHAT
        )
        await mailbox.put(self.database, leased.tenant, leased.delivery_id, sealed)

    async def newest(self, tenant: str) -> list[Shown]:
        """The mails of a tenant, newest first."""
        shown = []
        for kept in await mailbox.newest(self.database, tenant):
            plain = self.sealing.open(kept.sealed, tenant=tenant, delivery_id=kept.delivery_id, what=WHAT)
            made = msgspec.msgpack.decode(plain, type=Letter)
            shown.append(
                Shown(
                    id=kept.delivery_id,
                    to=made.to,
                    subject=made.subject,
                    template=made.template,
                    text=made.text,
                    html=made.html,
                    links=made.links,
                    at=kept.at,
                )
            )
        return shown

    async def empty(self, tenant: str) -> None:
        """Throw the mails of a tenant away."""
        await mailbox.empty(self.database, tenant)
