"""`/u/account`: somebody is signed in, and the application asks who shall go on (`prompt=select_account`)."""

from typing import Final

from libs.edge import Call, Reply, Route
from services.login.routes.flow import LOGIN, Flow, to_page
from services.login.routes.login_pages import shared
from services.login.routes.showing import Pages

PATH: Final = "/u/account"


class Account:
    """The page and its answer."""

    def __init__(self, flow: Flow, pages: Pages) -> None:
        self._flow, self._pages = flow, pages

    def routes(self) -> tuple[Route, ...]:
        """Show it, take the answer."""
        return (
            Route("GET", PATH, self.show, renderer=self._pages.refused),
            Route("POST", PATH, self.choose, renderer=self._pages.refused),
        )

    async def show(self, call: Call) -> Reply:
        """Ask, where there is somebody to go on as."""
        tx = await self._flow.transaction(call)
        session = await self._flow.session(call)
        if session is None:
            return to_page(LOGIN, tx)
        who = await self._flow.called(call.tenant, session.person)
        return self._pages.show(call, "account.html", **shared(tx), person=who)

    async def choose(self, call: Call) -> Reply:
        """Go on as who is signed in, or sign in as another."""
        tx = await self._flow.transaction(call)
        form = self._pages.form(call, tx.binding)
        session = await self._flow.session(call)
        if session is None or form.get("action") != "continue":
            return to_page(LOGIN, tx)
        return await self._flow.visited(call, tx, session)
