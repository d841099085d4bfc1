"""`/u/verify-email` and `/u/unblock`: what a link from a mail asks is confirmed by a form.

A program that only looks at links, as mail filters do, confirms nothing for anybody. For people the first form presses
its own button where scripts run.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from libs.edge import Call, Reply, Route
from services.login.factors.tickets import TicketRefused, Tickets
from services.login.routes import messages
from services.login.routes.afterwards import leads, led_on
from services.login.routes.cookies import clear_ticket, set_ticket, ticket_cookie
from services.login.routes.login_pages import caller_of, see
from services.login.routes.messages import Message
from services.login.routes.problems import LinkNotKept, LinkSpent
from services.login.routes.showing import Pages
from services.login.rows.tickets import Kind


@dataclass(frozen=True)
class Link:
    """One kind of link: where it leads, what is asked, how it is redeemed, what is said then."""

    path: str
    kind: Kind
    question: Message
    redeem: Callable[[Call, str], Awaitable[str]]
    said: Message

    @property
    def done(self) -> str:
        """Where it is said."""
        return f"{self.path}/done"


class LinkPages:
    """The pages of both links, and their answers."""

    def __init__(self, pages: Pages, tickets: Tickets) -> None:
        self._pages, self._tickets = pages, tickets
        self._links: Final = (
            Link("/u/verify-email", "verify", messages.VERIFY, self._verify, messages.VERIFIED),
            Link("/u/unblock", "unblock", messages.UNBLOCK, self._unblock, messages.UNBLOCKED),
        )

    def routes(self) -> tuple[Route, ...]:
        """Three for each."""
        return tuple(route for link in self._links for route in self._routes(link))

    def _routes(self, link: Link) -> tuple[Route, ...]:
        async def come(call: Call) -> Reply:
            return await self._come(call, link)

        async def confirm(call: Call) -> Reply:
            return await self._confirm(call, link)

        async def done(call: Call) -> Reply:
            return self._pages.show(call, "message.html", message=link.said)

        told = self._pages.refused
        return (
            Route("GET", link.path, come, renderer=told),
            Route("POST", link.path, confirm, renderer=told),
            Route("GET", link.done, done, renderer=told),
        )

    async def _come(self, call: Call, link: Link) -> Reply:
        """Take the secret out of the address (RC-10), then ask."""
        if ticket := call.query().text("ticket"):
            return see(link.path, set_ticket(call, link.kind, ticket))
        ticket = ticket_cookie(call, link.kind)
        if ticket is None:
            raise LinkNotKept
        view = await self._tickets.look(call.tenant, ticket, link.kind)
        if view is None:
            raise LinkSpent
        there = leads(view)
        return self._pages.show(
            call, "message.html", message=link.question, binding=ticket, action=link.path, form_action=there
        )

    async def _confirm(self, call: Call, link: Link) -> Reply:
        ticket = ticket_cookie(call, link.kind)
        if ticket is None:
            raise LinkNotKept
        self._pages.form(call, ticket)
        view = await self._tickets.look(call.tenant, ticket, link.kind)
        try:
            await link.redeem(call, ticket)
        except TicketRefused as error:
            raise LinkSpent from error
        return see((view and led_on(view)) or link.done, clear_ticket(call, link.kind))

    async def _verify(self, call: Call, ticket: str) -> str:
        caller = caller_of(call, None, self._pages.language(call))
        return await self._tickets.redeem_verification(call.tenant, ticket, caller)

    async def _unblock(self, call: Call, ticket: str) -> str:
        caller = caller_of(call, None, self._pages.language(call))
        return await self._tickets.redeem_unblock(call.tenant, ticket, caller)
