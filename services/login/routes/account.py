"""`/u/account`: somebody is signed in, and the application asks who shall go on (`prompt=select_account`)."""

from typing import Final

from libs.edge import Call, Reply, Route
from services.login.queries.sessions import SessionView
from services.login.routes import cookies
from services.login.routes.flow import ACCOUNT, LOGIN, Flow
from services.login.routes.login_pages import shared
from services.login.routes.logins import Transaction, to_page
from services.login.routes.showing import Pages

GO_ON: Final = "default"


class Account:
    """The page and its answer."""

    def __init__(self, flow: Flow, pages: Pages) -> None:
        self._flow, self._pages = flow, pages

    def routes(self) -> tuple[Route, ...]:
        """Show it, take the answer."""
        told = self._pages.refused
        return (Route("GET", ACCOUNT, self.show, renderer=told), Route("POST", ACCOUNT, self.choose, renderer=told))

    async def show(self, call: Call) -> Reply:
        """Ask, where there is somebody to go on as."""
        tx = await self._flow.transaction(call)
        session = await self._flow.session(call)
        if session is None or not tx.admits(session.connection_id):
            return to_page(LOGIN, tx)
        return await self._shown(call, tx, session)

    async def choose(self, call: Call) -> Reply:
        """Go on as who was shown, or sign in as another; whom the page did not show is asked anew (LG-16)."""
        tx = await self._flow.transaction(call)
        form = self._pages.form(call, tx.binding)
        session = await self._flow.session(call)
        if session is None:
            return to_page(LOGIN, tx)
        if form.get("action") != GO_ON:
            # Who wants another account is not offered the last one.
            return to_page(LOGIN, tx, [cookies.clear_who(call)])
        if form.get("session") != session.session_id:
            return await self._shown(call, tx, session)
        if await self._flow.is_another_session(call, tx, session):
            return to_page(LOGIN, tx)
        return await self._flow.visited(call, tx, session)

    async def _shown(self, call: Call, tx: Transaction, session: SessionView) -> Reply:
        person = await self._flow.called(call.tenant, session.person)
        return self._pages.show(call, "account.html", **shared(tx), person=person, session=session.session_id)
