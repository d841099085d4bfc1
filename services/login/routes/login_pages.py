"""`/u/login`: who it is, then the password; or both on one page, by the tenant's setting.

What a page answers never depends on whether somebody has the name that was typed (LG-01, LG-02): the second page comes
for every name, and its refusal says one sentence.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from libs.edge import Call, Reply, Route
from libs.edge.answers import NO_STORE
from libs.edge.wire import VERSION
from services.login.factors.attempt import Attempt, Caller, Proven, TooManyAttempts, WrongCredentials
from services.login.projections.connections import ConnectionRow
from services.login.routes import cookies, messages
from services.login.routes.answering import KEEPS_OPENER
from services.login.routes.flow import Flow
from services.login.routes.logins import Transaction, surroundings, to_page
from services.login.routes.problems import BadRequest
from services.login.routes.remembered import Remembered
from services.login.routes.showing import Pages
from services.login.rules import database
from services.login.rules.identifiers import typed

PATH: Final = "/u/login"
IDENTIFIER: Final = "/u/login/identifier"
PASSWORD: Final = "/u/login/password"  # noqa: S105  # a path
FORGET: Final = "/u/login/forget"
LONGEST: Final = 320


class Proves(Protocol):
    """The factor that compares passwords."""

    async def prove(self, attempt: Attempt) -> Proven:
        """Who it is."""


class LoginPages:
    """The pages and their answers."""

    def __init__(self, flow: Flow, pages: Pages, factor: Proves, remembered: Remembered) -> None:
        self._flow, self._pages, self._factor, self._remembered = flow, pages, factor, remembered

    def routes(self) -> tuple[Route, ...]:
        """Each page, by GET and by POST."""
        told = self._pages.refused
        return (
            Route("GET", PATH, self.first, renderer=told),
            Route("POST", PATH, self.entered, renderer=told),
            Route("GET", IDENTIFIER, self.first, renderer=told),
            Route("POST", IDENTIFIER, self.entered, renderer=told),
            Route("GET", PASSWORD, self.second, renderer=told),
            Route("POST", PASSWORD, self.proven, renderer=told),
            Route("GET", FORGET, self.forget, renderer=told),
        )

    async def first(self, call: Call) -> Reply:
        """Ask who it is, and on one page also for the password."""
        return self._first(call, await self._flow.transaction(call))

    async def entered(self, call: Call) -> Reply:
        """Keep the name and ask for the password, unless it came along."""
        tx = await self._flow.transaction(call)
        form = self._pages.form(call, tx.binding)
        identifier = typed(form.get("username", ""))[:LONGEST]
        if not identifier:
            return self._first(call, tx, errors={"username": messages.EMPTY_IDENTIFIER}, status=400)
        await self._flow.remember_identifier(call, tx, identifier)
        if "password" in form:
            return await self._prove(call, tx, identifier, form["password"], self._first)
        return to_page(PASSWORD, tx)

    async def second(self, call: Call) -> Reply:
        """Ask for the password of who it is."""
        tx = await self._flow.transaction(call)
        return self._second(call, tx) if tx.identifier else to_page(PATH, tx)

    async def proven(self, call: Call) -> Reply:
        """Compare; the name is the one of the first page, whatever this form says (LG-16)."""
        tx = await self._flow.transaction(call)
        form = self._pages.form(call, tx.binding)
        if not tx.identifier:
            return to_page(PATH, tx)
        return await self._prove(call, tx, tx.identifier, form.get("password", ""), self._second)

    async def forget(self, call: Call) -> Reply:
        """Offer nobody's name at this browser any more, and ask anew who it is."""
        tx = await self._flow.transaction(call)
        if tx.identifier:
            await self._flow.remember_identifier(call, tx, "")
        return to_page(PATH, tx, [cookies.clear_who(call)])

    async def _prove(self, call: Call, tx: Transaction, identifier: str, password: str, again: "Again") -> Reply:
        connection = connection_of(tx)
        attempt = Attempt(
            tenant=call.tenant,
            connection_id=connection.connection_id,
            connection=connection.name,
            identifier=identifier,
            password=password,
            is_guarded=connection.is_guarded,
            locale=self._pages.language(call, tx.params.ui_locales),
            **from_where(call, tx),
        )
        try:
            proven = await self._factor.prove(attempt)
        except WrongCredentials:
            errors = {"password": messages.WRONG_CREDENTIALS}
            return again(call, tx, errors=errors, identifier=identifier, status=400)
        except TooManyAttempts:
            return again(call, tx, errors={"form": messages.TOO_MANY}, identifier=identifier, status=429)
        kept = self._remembered.kept(call, tx, identifier)
        return await self._flow.signed_in(call, tx, proven, kept=kept)

    def _first(
        self,
        call: Call,
        tx: Transaction,
        *,
        errors: dict[str, str] | None = None,
        identifier: str | None = None,
        status: int = 200,
    ) -> Reply:
        is_split = self._pages.brand_of(call.tenant).identifier_first
        offered = self._remembered.offered(call)
        known = identifier if identifier is not None else tx.identifier or tx.params.login_hint or offered
        template = "identifier.html" if is_split and "password" not in (errors or {}) else "login.html"
        return self._show(call, tx, template, known, errors, status, is_offered=known == offered != "")

    def _second(
        self,
        call: Call,
        tx: Transaction,
        *,
        errors: dict[str, str] | None = None,
        identifier: str | None = None,
        status: int = 200,
    ) -> Reply:
        return self._show(call, tx, "password.html", identifier or tx.identifier or "", errors, status)

    def _show(
        self,
        call: Call,
        tx: Transaction,
        template: str,
        known: str,
        errors: dict[str, str] | None,
        status: int,
        *,
        is_offered: bool = False,
    ) -> Reply:
        return self._pages.show(
            call,
            template,
            status=status,
            **shared(tx),
            identifier=known[:LONGEST],
            is_offered=is_offered,
            errors=errors or {},
            action=f"{PATH}?state={tx.id}",
            may_sign_up=may_sign_up(tx),
        )


class Again(Protocol):
    """Shows a page once more, with what was wrong."""

    def __call__(
        self,
        call: Call,
        tx: Transaction,
        *,
        errors: dict[str, str] | None = None,
        identifier: str | None = None,
        status: int = 200,
    ) -> Reply:
        """The page."""


def connection_of(tx: Transaction) -> ConnectionRow:
    """Where people sign in to the application.

    Raises:
        BadRequest: nowhere.
    """
    connection = tx.connection
    if connection is None:
        raise BadRequest(detail="no connections enabled for the client")
    return connection


def may_sign_up(tx: Transaction) -> bool:
    """Whether strangers can make an account there (LG-17)."""
    return tx.connection is not None and database.may_sign_up(tx.connection.options)


def may_reset(tx: Transaction) -> bool:
    """Whether whoever forgot a password can ask for a link there."""
    return tx.connection is not None and database.may_reset(tx.connection.options)


def from_where(call: Call, tx: Transaction | None) -> dict[str, Any]:
    """What a factor tells the activity log of who asks."""
    address, user_agent, host = surroundings(call)
    return {
        "address": address,
        "user_agent": user_agent,
        "host": host,
        "client_id": tx.client.client_id if tx else "",
        "client_name": tx.client.name if tx else "",
        "request_id": call.request_id,
        "trace": call.trace,
    }


def caller_of(call: Call, tx: Transaction | None, locale: str) -> Caller:
    """The same as a factor wants it, with the language of mails."""
    return Caller(**from_where(call, tx), locale=locale)


def shared(tx: Transaction) -> dict[str, Any]:
    """What every page of a login has: whose it is, what its form is bound to, in which language it is asked for.

    The answer to a form may lead to the application, which Chromium wants to be told, and from its callback further on.
    """
    properties = tx.client.properties
    registered = [*texts(properties.get("callbacks")), *texts(properties.get("web_origins"))]
    return {
        "state": tx.id,
        "application": tx.client.name,
        "binding": tx.binding,
        "ui_locales": tx.params.ui_locales,
        "may_reset": may_reset(tx),
        "headers": [KEEPS_OPENER],
        "form_action": (tx.params.redirect_uri, *registered[:MOST_ORIGINS]),
    }


MOST_ORIGINS: Final = 20


def texts(value: object) -> Sequence[str]:
    """A list of texts, of what an application's properties hold."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def see(path: str, *headers: tuple[str, str]) -> Reply:
    """Send the browser to another page of ours, by GET."""
    return Reply(VERSION, 303, [("location", path), *NO_STORE, *headers], b"")
