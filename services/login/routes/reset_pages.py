"""`/u/reset-password`: ask for a link by mail, and set a new password with it.

The link's secret leaves the address at once: it goes into a cookie, and the browser is sent to an address without it,
so that no history, log or `Referer` keeps it (RC-10). The form is bound to that cookie.
"""

from typing import Final

from libs.edge import Call, Reply, Route
from services.login.factors.attempt import PasswordRefused
from services.login.factors.policy import Policy
from services.login.factors.tickets import TicketRefused, Tickets, TicketView
from services.login.queries import places
from services.login.routes import messages
from services.login.routes.afterwards import leads, led_on
from services.login.routes.cookies import clear_ticket, set_ticket, ticket_cookie
from services.login.routes.flow import Flow
from services.login.routes.login_pages import LONGEST, caller_of, connection_of, may_reset, see, shared
from services.login.routes.logins import Transaction
from services.login.routes.problems import BadRequest, LinkNotKept, LinkSpent
from services.login.routes.rules import rules_of
from services.login.routes.showing import Pages
from services.login.rules.identifiers import typed

PATH: Final = "/u/reset-password"
REQUEST: Final = "/u/reset-password/request"
SENT: Final = "/u/reset-password/sent"
DONE: Final = "/u/reset-password/done"
KIND: Final = "reset"


class ResetPages:
    """The pages and their answers."""

    def __init__(self, flow: Flow, pages: Pages, tickets: Tickets) -> None:
        self._flow, self._pages, self._tickets = flow, pages, tickets

    def routes(self) -> tuple[Route, ...]:
        """Both halves."""
        told = self._pages.refused
        return (
            Route("GET", REQUEST, self.ask, renderer=told),
            Route("POST", REQUEST, self.asked, renderer=told),
            Route("GET", SENT, self.sent, renderer=told),
            Route("GET", PATH, self.come, renderer=told),
            Route("POST", PATH, self.change, renderer=told),
            Route("GET", DONE, self.done, renderer=told),
        )

    async def ask(self, call: Call) -> Reply:
        """Ask for the address."""
        return self._asking(call, await self._transaction(call))

    async def asked(self, call: Call) -> Reply:
        """Have a link sent, if there is an account; the answer is the same for every address."""
        tx = await self._transaction(call)
        form = self._pages.form(call, tx.binding)
        email = typed(form.get("email") or form.get("username") or "")[:LONGEST]
        if not email:
            return self._asking(call, tx, errors={"email": messages.EMPTY_IDENTIFIER}, status=400)
        caller = caller_of(call, tx, self._pages.language(call, tx.params.ui_locales))
        await self._tickets.reset_requested(call.tenant, connection_of(tx).connection_id, email, caller)
        return see(f"{SENT}?state={tx.id}")

    async def sent(self, call: Call) -> Reply:
        """Say that a link is on its way."""
        tx = await self._flow.transaction(call)
        return self._pages.show(
            call, "message.html", **shared(tx), message=messages.RESET_SENT, link=f"/u/login?state={tx.id}"
        )

    async def come(self, call: Call) -> Reply:
        """Take the secret out of the address, then ask for the new password."""
        query = call.query()
        if ticket := query.text("ticket"):
            return see(PATH, set_ticket(call, KIND, ticket))
        if state := query.text("state"):
            return see(f"{REQUEST}?state={state}")
        ticket, view = await self._view(call)
        return await self._setting(call, ticket, view)

    async def change(self, call: Call) -> Reply:
        """Set the new password; the link is spent with it, and leads on where whoever asked for it wants that."""
        ticket, view = await self._view(call)
        form = self._pages.form(call, ticket)
        password = form.get("password", "")
        if not password:
            return await self._setting(call, ticket, view, errors={"password": messages.EMPTY_PASSWORD})
        try:
            caller = caller_of(call, None, self._pages.language(call))
            await self._tickets.redeem_reset(call.tenant, ticket, password, caller)
        except PasswordRefused as refused:
            errors = {"password": messages.WEAK_PASSWORD}
            return await self._setting(call, ticket, view, errors=errors, failed=refused.rules)
        except TicketRefused as error:
            raise LinkSpent from error
        return see(led_on(view) or DONE, clear_ticket(call, KIND))

    async def done(self, call: Call) -> Reply:
        """Say that it is done."""
        return self._pages.show(call, "message.html", message=messages.PASSWORD_SET)

    async def _transaction(self, call: Call) -> Transaction:
        tx = await self._flow.transaction(call)
        if not may_reset(tx):
            raise BadRequest(detail="disable_self_service_change_password is set for the connection")
        return tx

    async def _view(self, call: Call) -> tuple[str, TicketView]:
        ticket = ticket_cookie(call, KIND)
        if ticket is None:
            raise LinkNotKept
        view = await self._tickets.look(call.tenant, ticket, KIND)
        if view is None:
            raise LinkSpent
        return ticket, view

    async def _setting(
        self,
        call: Call,
        ticket: str,
        view: TicketView,
        *,
        errors: dict[str, str] | None = None,
        failed: tuple[str, ...] = (),
    ) -> Reply:
        found = await places.connection(self._flow.database, call.tenant, view.connection_id)
        return self._pages.show(
            call,
            "reset.html",
            status=400 if errors else 200,
            binding=ticket,
            form_action=leads(view),
            person=view.email or view.name,
            errors=errors or {},
            rules=rules_of(Policy.of(found.options if found else {}), failed),
        )

    def _asking(self, call: Call, tx: Transaction, *, errors: dict[str, str] | None = None, status: int = 200) -> Reply:
        known = tx.identifier or tx.params.login_hint or ""
        return self._pages.show(
            call, "reset_request.html", status=status, **shared(tx), identifier=known[:LONGEST], errors=errors or {}
        )
