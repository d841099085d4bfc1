"""Links sent by mail: for a new password, to show that an address is one's own, to lift a lock (RC-02, RC-05, RC-09).

A link is good once, the newest of its kind alone, until it expires, the address changes, or (to set a password) the
password does. Asking for one is always answered alike.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from libs.eventstore import Also, Context, EventStore
from libs.postgres import Connection as Rows
from libs.runtime import ids
from libs.sealed.passwords import Passwords
from services.login.commands import Note, SetPassword, VerifyEmail
from services.login.events import EmailVerificationRequested, LoginUnlocked, PasswordResetRequested
from services.login.factors.attempt import Caller, PasswordRefused
from services.login.factors.mails import link, mail
from services.login.factors.password import PasswordFactor
from services.login.factors.policy import Policy
from services.login.factors.signup import personal
from services.login.queries import people, places
from services.login.rows import tickets
from services.login.rows.attempts import LIFT, Attempts
from services.login.rows.errands import put, put_ending
from services.login.rows.tickets import Kind, hash_of
from services.login.rules.person_reasons import TicketRefused

__all__ = ["PasswordRefused", "TicketRefused", "TicketView", "Tickets"]

Asked = PasswordResetRequested | EmailVerificationRequested
KINDS: Final[Mapping[type[Asked], Kind]] = {PasswordResetRequested: "reset", EmailVerificationRequested: "verify"}

Beside = Callable[[Rows, UUID | None], Awaitable[None]]
"""What is written beside a mail that is asked for, by the errand that sends it: `None` where none does."""

SECRET: Final = 43
"""Letters and digits of a link that an administrator asks for: 256 bits."""


@dataclass(frozen=True)
class TicketView:
    """A link that is good, and whose it is."""

    kind: Kind
    person: str
    email: str | None = field(repr=False)
    name: str = field(repr=False)
    connection_id: str
    expires_at: datetime
    options: Mapping[str, Any]


class Tickets:
    """Asks for links and redeems them."""

    def __init__(self, store: EventStore, passwords: Passwords, factor: PasswordFactor, attempts: Attempts) -> None:
        self._store = store
        self._passwords = passwords
        self._factor = factor
        self._attempts = attempts

    async def reset_requested(self, tenant: str, connection_id: str, identifier: str, caller: Caller) -> None:
        """Somebody forgot a password: a mail, if there is somebody, and not too many; the answer never tells.

        Raises:
            Unavailable: the database is away.
        """
        account = await self._factor.account(tenant, connection_id, identifier)
        may_mail = await self._attempts.may_mail(tenant, account.counted_as, caller.address, account.person)
        found = await places.connection(self._store.database, tenant, connection_id)
        asked = reset_asked(account.person, found.name if found else connection_id, caller)
        wanted = mail(
            tenant,
            account.person,
            "reset_email",
            locale=caller.locale,
            application=caller.client_name,
            client_id=caller.client_id,
            proves_email=True,
        )

        async def also(rows: Rows, _state: Any) -> None:
            if may_mail:
                await put(rows, wanted)

        await self._store.execute(Note(tenant, (asked,)), caller.context, also=also)

    async def verification_requested(self, tenant: str, person: str, caller: Caller, beside: Beside) -> None:
        """Have the mail sent by which an address is verified, unless too many were; `beside` is written either way."""
        if not await self._attempts.may_mail(tenant, person, caller.address, person):
            async with self._store.database.connection() as rows, rows.transaction():
                await beside(rows, None)
            return
        asked = EmailVerificationRequested(person=person, client_id=caller.client_id or None)
        wanted = mail(
            tenant,
            person,
            "verify_email",
            locale=caller.locale,
            application=caller.client_name,
            client_id=caller.client_id,
        )

        async def also(rows: Rows, _state: Any) -> None:
            await put(rows, wanted)
            await beside(rows, wanted.id)

        await self._store.execute(Note(tenant, (asked,)), caller.context, also=also)

    async def issued(
        self,
        tenant: str,
        asked: Asked,
        caller: Caller,
        *,
        lives: timedelta,
        options: Mapping[str, Any],
        beside: Callable[[str], Also | None] = lambda _link: None,
    ) -> str:
        """A link for an administrator, who passes it on; that it was asked for is written with it and with `beside`."""
        assert asked.person is not None, "a link is somebody's"
        person, kind = asked.person, KINDS[type(asked)]
        place = await places.place(self._store.database, tenant)
        secret = ids.text(SECRET)
        made = link(place.issuer, kind, secret)
        more = beside(made)

        async def also(rows: Rows, state: Any) -> None:
            await tickets.issue(rows, tenant, person, kind, secret, lives=lives, options=options)
            if more is not None:
                await more(rows, state)

        await self._store.execute(Note(tenant, (asked,)), caller.context, also=also)
        return made

    async def look(self, tenant: str, ticket: str, kind: Kind) -> TicketView | None:
        """A link that is good; looking at it does not spend it."""
        async with self._store.database.connection() as rows:
            found = await tickets.look(rows, tenant, kind, ticket)
        person = await people.person(self._store.database, tenant, found.person) if found else None
        if found is None or person is None:
            return None
        return TicketView(
            kind, person.person, person.email, person.name, person.connection_id, found.expires_at, found.options
        )

    async def redeem_reset(self, tenant: str, ticket: str, new_password: str, caller: Caller | None = None) -> str:
        """Set the password of the link's person, end what was begun before, and tell them by mail.

        Raises:
            TicketRefused: the link is not good any more.
            PasswordRefused: the password is not taken; the link stays good.
            Unavailable: too many passwords wait, or the database is away.
        """
        view = await self.look(tenant, ticket, "reset")
        person = await people.person(self._store.database, tenant, view.person) if view else None
        if view is None or person is None:
            raise TicketRefused
        policy = await self._require(tenant, person, new_password)
        command = SetPassword(
            tenant=tenant,
            person=person.person,
            phc=await self._passwords.hashed_of(new_password),
            by="reset",
            ticket=hash_of(ticket),
            proves_email=bool(view.options.get("proves_email")),
            keeps=policy.history,
        )
        said = caller or Caller(address="", user_agent="", host="")
        tells = tells_of_password(tenant, person.person, said)

        async def also(rows: Rows, state: Any) -> None:
            await tells(rows, state)
            await rows.execute(LIFT, tenant, person.person)

        await self._store.execute(command, said.context, also=also)
        return person.person

    async def _require(self, tenant: str, person: people.Person, password: str) -> Policy:
        policy = await policy_for(self._store, tenant, person.connection_id)
        place = await places.place(self._store.database, tenant)
        earlier = await people.earlier_passwords(self._store.database, tenant, person.person, policy.history)
        said = personal(place, person.profile)
        await policy.require(self._passwords, password, said, earlier)
        return policy

    async def redeem_verification(self, tenant: str, ticket: str, caller: Caller | None = None) -> str:
        """The address of the link's person is theirs.

        Raises:
            TicketRefused: the link is not good any more.
        """
        view = await self.look(tenant, ticket, "verify")
        if view is None:
            raise TicketRefused
        said = caller or Caller(address="", user_agent="", host="")

        async def also(rows: Rows, _state: Any) -> None:
            await put(rows, mail(tenant, view.person, "welcome_email", locale=said.locale))

        command = VerifyEmail(tenant=tenant, person=view.person, ticket=hash_of(ticket))
        await self._store.execute(command, said.context, also=also)
        return view.person

    async def redeem_unblock(self, tenant: str, ticket: str, caller: Caller | None = None) -> str:
        """Lift the locks of the link's person.

        Raises:
            TicketRefused: the link is not good any more.
        """
        view = await self.look(tenant, ticket, "unblock")
        if view is None:
            raise TicketRefused
        said = caller or Caller(address="", user_agent="", host="")

        async def spent(rows: Rows) -> None:
            if await tickets.spend(rows, tenant, "unblock", ticket) is None:
                raise TicketRefused  # by a second click

        await self.lift(tenant, view.person, said.context, by="mail", beside=spent)
        return view.person

    async def lift(
        self,
        tenant: str,
        person: str,
        context: Context,
        *,
        by: str,
        beside: Callable[[Rows], Awaitable[None]] | None = None,
    ) -> None:
        """Lift every lock of somebody, and write down that it was done, and what is `beside`."""

        async def also(rows: Rows, _state: Any) -> None:
            if beside is not None:
                await beside(rows)
            await rows.execute(LIFT, tenant, person)

        await self._store.execute(Note(tenant, (LoginUnlocked(person=person, by=by),)), context, also=also)


async def policy_for(store: EventStore, tenant: str, connection_id: str) -> Policy:
    """What a connection demands of passwords; what holds everywhere, where the connection is gone."""
    found = await places.connection(store.database, tenant, connection_id)
    return Policy.of(found.options if found else {})


def tells_of_password(tenant: str, person: str, caller: Caller) -> Any:
    """Ends somebody's sessions and tells them that the password is another one, in the transaction that changes it."""

    async def also(rows: Rows, _state: Any) -> None:
        told = mail(tenant, person, "password_changed", locale=caller.locale, application=caller.client_name)
        await put(rows, told)
        await put_ending(rows, tenant, person, "password")

    return also


def reset_asked(person: str | None, connection: str, caller: Caller) -> PasswordResetRequested:
    """What is written down of who asks for a link with which to set a password."""
    return PasswordResetRequested(
        person=person,
        client_id=caller.client_id or None,
        connection=connection,
        address=caller.address,
        user_agent=caller.user_agent,
        host=caller.host,
    )
