"""`/u/consent`: what an application asks for, in words, and somebody's answer."""

from typing import Final

from libs.edge import Call, Reply, Route
from services.login.routes.flow import LOGIN, Flow
from services.login.routes.login_pages import shared
from services.login.routes.logins import Transaction, to_page
from services.login.routes.showing import Pages

PATH: Final = "/u/consent"
ANSWERS: Final = {"accept": True, "deny": False}


class ConsentPage:
    """The page and its answer."""

    def __init__(self, flow: Flow, pages: Pages) -> None:
        self._flow, self._pages = flow, pages

    def routes(self) -> tuple[Route, ...]:
        """Ask, hear."""
        told = self._pages.refused
        return (Route("GET", PATH, self.ask, renderer=told), Route("POST", PATH, self.answered, renderer=told))

    async def ask(self, call: Call) -> Reply:
        """Say who wants what; whoever is not signed in does that first."""
        return await self._shown(call, await self._flow.transaction(call))

    async def answered(self, call: Call) -> Reply:
        """Let it, or not; what is neither is asked again."""
        tx = await self._flow.transaction(call)
        form = self._pages.form(call, tx.binding)
        answer = ANSWERS.get(form.get("action", ""))
        if answer is None:
            return await self._shown(call, tx)
        return await self._flow.consented(call, tx, accepts=answer)

    async def _shown(self, call: Call, tx: Transaction) -> Reply:
        if tx.person is None or not await self._flow.is_signed_in(tx):
            return to_page(LOGIN, tx)  # who logged out meanwhile is not named to whoever comes back to this page
        described = await self._flow.descriptions(tx)
        scopes = [{"name": name, "text": described.get(name) or ""} for name in await self._flow.scope(tx)]
        person = await self._flow.called(call.tenant, tx.person)
        return self._pages.show(call, "consent.html", **shared(tx), scopes=scopes, person=person)
