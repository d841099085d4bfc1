"""`/api/v2/tickets` and `/api/v2/jobs/verification-email`: links that an administrator passes on, or has sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from libs.edge import Call, Reply, Route, answers
from libs.edge.management_errors import BadRequest
from libs.edge.operation import Operation
from libs.edge.validation import created
from libs.eventstore import Also
from libs.postgres import Connection
from libs.runtime import ids
from services.login.events import EmailVerificationRequested
from services.login.factors.attempt import Caller
from services.login.factors.tickets import Asked, Tickets, reset_asked
from services.login.queries import people
from services.login.queries.people import Person
from services.login.routes.jobs import members_of
from services.login.routes.people_desk import PeopleDesk, asking_for
from services.login.routes.user_schema import (
    JOB,
    PASSWORD_TICKET,
    TICKET,
    VERIFICATION_JOB,
    VERIFICATION_TICKET,
)
from services.login.rows import jobs
from services.login.rows.jobs import Job
from services.login.rules.person_reasons import NoAddress, NoSuchUser

LIVES: Final = timedelta(days=5)
"""As in Auth0, where nothing else is said."""


def routes(desk: PeopleDesk, tickets: Tickets) -> tuple[Route, ...]:
    """The table of routes."""
    asked = TicketRoutes(desk, tickets)
    scopes = ("create:user_tickets",)
    password = Operation(body=PASSWORD_TICKET, answer=TICKET, status=201)
    email = Operation(body=VERIFICATION_TICKET, answer=TICKET, status=201)
    job = Operation(body=VERIFICATION_JOB, answer=JOB, status=201)
    return (
        Route("POST", "/api/v2/tickets/password-change", asked.password_change, scopes=scopes, operation=password),
        Route("POST", "/api/v2/tickets/email-verification", asked.verification, scopes=scopes, operation=email),
        Route("POST", "/api/v2/jobs/verification-email", asked.job, scopes=("update:users",), operation=job),
    )


@dataclass(frozen=True)
class TicketRoutes:
    """The handlers."""

    desk: PeopleDesk
    tickets: Tickets

    async def password_change(self, call: Call) -> Reply:
        """A link to set a password, for a user by id, or by connection and address."""
        body = created(PASSWORD_TICKET, call)
        _refuse_organisations(body)
        person = await self._person(call, body)
        proves_email = body.get("mark_email_as_verified") is True
        if proves_email:
            _require_address(person)
        options = _options(body) | {"proves_email": proves_email}
        caller = await asking_for(self.desk.database, call, body.get("client_id"))
        asked = reset_asked(person.person, person.connection, caller)
        return await self._issued(call, asked, caller, _lives(body), options)

    async def verification(self, call: Call) -> Reply:
        """A link by which a user shows whose the address is."""
        body = created(VERIFICATION_TICKET, call)
        _refuse_organisations(body)
        person = await self._person(call, body)
        _require_address(person)
        caller = await asking_for(self.desk.database, call, body.get("client_id"))
        asked = EmailVerificationRequested(person=person.person, client_id=caller.client_id or None)
        return await self._issued(call, asked, caller, _lives(body), _options(body))

    async def job(self, call: Call) -> Reply:
        """Have the verification mail sent; too many in an hour are not sent, and answered alike."""
        body = created(VERIFICATION_JOB, call)
        _refuse_organisations(body)
        person = await self._person(call, body)
        _require_address(person)
        caller = await asking_for(self.desk.database, call, body.get("client_id"))
        job = Job(ids.prefixed("job", 16), "verification_email", call.now, "pending")
        reply = answers.json(members_of(job), status=201)
        kept = self.desk.keeping(call, person.person, reply)

        async def beside(rows: Connection, errand: UUID | None) -> None:
            await jobs.begin(rows, call.tenant, person.person, job, errand)
            if kept is not None:
                await kept(rows, None)

        await self.tickets.verification_requested(call.tenant, person.person, caller, beside)
        return reply

    async def _issued(
        self, call: Call, asked: Asked, caller: Caller, lives: timedelta, options: Mapping[str, Any]
    ) -> Reply:
        def reply(link: str) -> Reply:
            return answers.json({"ticket": link}, status=201, headers=answers.NO_STORE)

        def beside(link: str) -> Also | None:
            return self.desk.keeping(call, asked.person or "", reply(link))

        return reply(await self.tickets.issued(call.tenant, asked, caller, lives=lives, options=options, beside=beside))

    async def _person(self, call: Call, body: Mapping[str, Any]) -> Person:
        if body.get("user_id"):
            if body.get("connection_id") or body.get("email"):
                raise BadRequest("Payload validation error: 'user_id cannot be used with connection_id or email'.")
            person = await people.by_user_id(self.desk.database, call.tenant, body["user_id"])
            if person is None or not _is_identity(person, body.get("identity")):
                raise NoSuchUser
            return person
        if not body.get("connection_id") or not body.get("email"):
            raise BadRequest("Payload validation error: 'user_id, or connection_id and email, are required'.")
        found = await people.by_email(self.desk.database, call.tenant, body["email"])
        there = [each for each in found if each.connection_id == body["connection_id"]]
        if not there:
            raise NoSuchUser
        return there[0]


def _require_address(person: Person) -> None:
    if not person.email:
        raise NoAddress


def _is_identity(person: Person, identity: Mapping[str, Any] | None) -> bool:
    """Whether an identity, where one is named, is the user's."""
    return identity is None or f"{identity['provider']}|{identity['user_id']}" == person.user_id


def _lives(body: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=body["ttl_sec"]) if body.get("ttl_sec") else LIVES


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the page does afterwards."""
    wanted = {"result_url", "client_id", "includeEmailInRedirect"}
    return {name: value for name, value in body.items() if name in wanted}


def _refuse_organisations(body: Mapping[str, Any]) -> None:
    if body.get("organization_id"):
        raise BadRequest("Organizations are not supported.")
