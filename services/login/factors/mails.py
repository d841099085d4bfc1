"""Mails of `login`: which is asked for by what, and what is in it when it is handed to `connections`.

An errand names a person and a template. The address, the link and the words are found when the mail is handed on: mail
goes to the address that is stored, whatever was typed (LG-21). A link's secret is derived from the errand's id, so that
an errand that is handed on twice, because nobody knows whether the first time was heard, is one mail with one link.
"""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from libs.bus import Bus
from libs.edge.asks import ask
from libs.postgres import Database
from libs.sealed import DerivedKey
from services.connections.commands import SERVICE as CONNECTIONS
from services.connections.commands import Accepted, DeliverMail
from services.login.queries import people, places
from services.login.rows import tickets
from services.login.rows.errands import Errand
from services.login.rows.tickets import Kind

MAIL: Final = "mail"


@dataclass(frozen=True)
class Link:
    """What kind of link a mail bears, where it leads, how long it lives."""

    kind: Kind
    path: str
    lives: timedelta


LINKS: Final = {
    "verify_email": Link("verify", "u/verify-email", timedelta(days=5)),
    "reset_email": Link("reset", "u/reset-password", timedelta(hours=1)),
    "blocked_account": Link("unblock", "u/unblock", timedelta(days=5)),
}
"""By template; the others bear none."""


def mail(
    tenant: str,
    person: str | None,
    template: str,
    *,
    locale: str = "en",
    application: str = "",
    **options: Any,
) -> Errand:
    """A mail as an errand; to nobody it is written all the same, and handed to nobody."""
    payload = {"template": template, "locale": locale, "application": application, "options": options}
    return Errand(tenant, person, MAIL, payload)


def link(issuer: str, kind: Kind, secret: str) -> str:
    """Where a link leads."""
    path = next(each.path for each in LINKS.values() if each.kind == kind)
    return f"{issuer}{path}?ticket={secret}"


class Mails:
    """Hands mails to `connections`."""

    def __init__(self, database: Database, bus: Bus, key: DerivedKey) -> None:
        self._database = database
        self._bus = bus
        self._key = key.key

    async def hand(self, errand: Errand) -> None:
        """Write the link's row, then have the mail delivered."""
        if errand.person is None:
            return
        person = await people.person(self._database, errand.tenant, errand.person)
        if person is None or not person.email:
            return
        template = str(errand.payload["template"])
        variables = {"name": person.name, "application": str(errand.payload["application"])}
        to: str | None = person.email
        if template in LINKS:
            to, linked = await self._link(errand, LINKS[template])
            variables |= linked
        if not to:
            return  # they are gone, or have no address any more
        asked = DeliverMail(
            id=str(errand.id),
            tenant=errand.tenant,
            person=errand.person,
            template=template,
            to=to,
            locale=str(errand.payload["locale"]),
            variables={name: value for name, value in variables.items() if value},
        )
        await ask(self._bus, CONNECTIONS, "deliver_mail", asked, Accepted)

    async def _link(self, errand: Errand, made: Link) -> tuple[str | None, dict[str, str]]:
        """The address at the moment when the link was made, and the variables that tell of it."""
        assert errand.person is not None, "nobody gets no link"
        place = await places.place(self._database, errand.tenant)
        secret = self._secret(errand)
        async with self._database.connection() as rows:
            to = await tickets.issue(
                rows,
                errand.tenant,
                errand.person,
                made.kind,
                secret,
                lives=made.lives,
                options=errand.payload["options"],
                asked_at=errand.created_at,
            )
        minutes = str(int(made.lives.total_seconds() // 60))
        return to, {"url": link(place.issuer, made.kind, secret), "minutes": minutes}

    def _secret(self, errand: Errand) -> str:
        digest = hmac.digest(self._key, b"errand" + errand.id.bytes, "sha256")
        return urlsafe_b64encode(digest).rstrip(b"=").decode()
