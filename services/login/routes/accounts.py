"""Everything about accounts in one piece, for `app`: handlers of commands, routes, asks, and what runs beside them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from libs.bus import Bus, Serving
from libs.edge import Route
from libs.edge.asks import answer_asks
from libs.edge.management_errors import ManagementError
from libs.eventstore import Actor, Context, EventStore, Handler
from libs.postgres import Database, DatabaseAway
from libs.runtime.errors import Unavailable
from libs.sealed import Keyring, new_person_key
from libs.sealed.passwords import Passwords
from libs.telemetry.logs import log
from services.connections.commands import DATABASE
from services.login.commands import (
    SERVICE,
    AdministratorInvited,
    BlockUser,
    ChangeUser,
    EraseUser,
    InviteAdministrator,
    RegisterUser,
    SetPassword,
    UnblockUser,
    VerifyEmail,
)
from services.login.factors.attempt import Caller
from services.login.factors.mails import MAIL, Mails
from services.login.factors.password import PasswordFactor
from services.login.factors.signup import PROVIDER, SignUp, new_person, new_user_id
from services.login.factors.tickets import Tickets, reset_asked
from services.login.queries import people, places
from services.login.routes import dbconnections, jobs, tickets, user_blocks, users
from services.login.routes.erasing import GrantsHand
from services.login.routes.people_desk import PeopleDesk
from services.login.rows import attempts as attempt_rows
from services.login.rows import jobs as job_rows
from services.login.rows import tickets as ticket_rows
from services.login.rows.attempts import Attempts, Limits
from services.login.rows.errands import GRANTS, Hand
from services.login.rows.people import FOLD, FORGET_ANSWERS, PersonRows
from services.login.rules import person
from services.login.rules.identifiers import InvalidIdentifier, email_of
from services.login.rules.protection import UNCHANGED, Protection

__all__ = ["FOLD", "Accounts", "handlers", "sweep"]

SWEPT_EVERY: Final = 60.0
INVITED_FOR: Final = timedelta(days=7)


def handlers(keyring: Keyring | None = None) -> Mapping[type, Handler[Any]]:
    """The commands about people. Without a keyring, for the operator's tools, they block and erase, no more."""
    rows = PersonRows(keyring)
    return {
        RegisterUser: Handler(rows, person.register),
        ChangeUser: Handler(rows, person.change),
        SetPassword: Handler(rows, person.set_password),
        VerifyEmail: Handler(rows, person.verify_email),
        BlockUser: Handler(rows, person.block),
        UnblockUser: Handler(rows, person.unblock),
        EraseUser: Handler(rows, person.erase),
    }


class NoInvitation(ManagementError):
    """The address is none, or the tenant has no database connection yet."""

    status = 400


@dataclass(frozen=True)
class Accounts:
    """One per process."""

    store: EventStore
    passwords: Passwords
    attempts: Attempts
    factor: PasswordFactor
    signup: SignUp
    tickets: Tickets
    keyring: Keyring

    @classmethod
    def opened(
        cls,
        store: EventStore,
        keyring: Keyring,
        passwords: Passwords,
        protection_of: Callable[[str], Protection] = lambda _: UNCHANGED,
    ) -> "Accounts":
        """The parts, put together."""
        attempts = Attempts(store.database, keyring.derived("lookup")[0], Limits(), protection_of)
        factor = PasswordFactor(store, passwords, keyring, attempts)
        made = Tickets(store, passwords, factor, attempts)
        return cls(store, passwords, attempts, factor, SignUp(store, passwords, factor, attempts), made, keyring)

    def routes(self, desk: PeopleDesk) -> tuple[Route, ...]:
        """The table of routes."""
        return (
            *dbconnections.routes(desk, self.signup, self.tickets),
            *users.routes(desk, self.passwords),
            *user_blocks.routes(desk, self.attempts, self.tickets),
            *tickets.routes(desk, self.tickets),
            *jobs.routes(desk),
        )

    def hands(self, bus: Bus) -> Mapping[str, Hand]:
        """What hands on errands of accounts, by kind."""
        mails = Mails(self.store.database, bus, self.keyring.derived("mail_link")[0])
        return {MAIL: mails.hand, GRANTS: GrantsHand(bus).hand}

    async def serve(self, bus: Bus) -> Serving:
        """Answer `svc.v1.login.invite_administrator`."""
        refusals = (ManagementError,)
        return await answer_asks(
            bus, SERVICE, "invite_administrator", InviteAdministrator, self.invite, refusals=refusals
        )

    async def invite(self, asked: InviteAdministrator) -> AdministratorInvited:
        """Make the first administrator, or find them; a link to set the password, which an operator passes on."""
        connection = await places.connection(self.store.database, asked.tenant, DATABASE)
        if connection is None:
            raise Unavailable("the tenant's database connection has not been heard of yet")
        try:
            email = email_of(asked.email)
        except InvalidIdentifier as error:
            raise NoInvitation("the address is not one that mail can be sent to") from error
        found = await self.factor.account(asked.tenant, connection.connection_id, email)
        invited = found.person or await self._registered(asked.tenant, connection, email)
        somebody = await people.person(self.store.database, asked.tenant, invited)
        if somebody is None:
            raise Unavailable("the account was deleted meanwhile")
        options = {"proves_email": True}
        caller = Caller(address="", user_agent="", host="", actor=Actor("operator", "limen"))
        wanted = reset_asked(invited, connection.name, caller)
        link = await self.tickets.issued(asked.tenant, wanted, caller, lives=INVITED_FOR, options=options)
        return AdministratorInvited(user_id=somebody.user_id, link=link)

    async def _registered(self, tenant: str, connection: places.Connection, email: str) -> str:
        command = RegisterUser(
            tenant=tenant,
            person=new_person(),
            key=new_person_key(),
            connection_id=connection.connection_id,
            connection=connection.name,
            provider=PROVIDER,
            user_id=new_user_id(),
            profile={"email": email},
        )
        await self.store.execute(command, Context(actor=Actor("operator", "limen")))
        return command.person


async def sweep(database: Database, limits: Limits) -> None:
    """Forget links and jobs that are too old and attempts that count no more, for ever (a background task)."""
    while True:
        await asyncio.sleep(SWEPT_EVERY)
        try:
            async with database.connection() as rows:
                await rows.execute(attempt_rows.FORGET, limits.trusted)
                await rows.execute(ticket_rows.FORGET)
                await rows.execute(job_rows.FORGET)
                await rows.execute(FORGET_ANSWERS)
        except DatabaseAway as error:
            log.info("sweeping waits", reason=repr(error))
