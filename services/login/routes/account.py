"""`/u/account`: somebody is signed in, and the application asks who shall go on (`prompt=select_account`)."""

from html import escape
from typing import Final

from libs.edge import Call, Reply, Route
from services.login.routes.csrf import Csrf
from services.login.routes.flow import LOGIN, Flow, to_page
from services.login.routes.plain import page, plain

PATH: Final = "/u/account"

FORM: Final = """<form method="post" action="{path}">
<input type="hidden" name="state" value="{state}"><input type="hidden" name="csrf" value="{csrf}">
<button id="continue" type="submit" name="action" value="continue">Continue as {who}</button>
<button id="another" type="submit" name="action" value="another">Use another account</button>
</form>"""


class Account:
    """The page and its answer."""

    def __init__(self, flow: Flow, csrf: Csrf) -> None:
        self._flow, self._csrf = flow, csrf

    def routes(self) -> tuple[Route, ...]:
        """Show it, take the answer."""
        return (
            Route("GET", PATH, self.show, renderer=page),
            Route("POST", PATH, self.choose, renderer=page),
        )

    async def show(self, call: Call) -> Reply:
        """Ask, where there is somebody to go on as."""
        tx = await self._flow.transaction(call)
        session = await self._flow.session(call)
        if session is None:
            return to_page(LOGIN, tx)
        who = await self._flow.called(call.tenant, session.person)
        fields = {"path": PATH, "state": tx.id, "csrf": self._csrf.token(tx.binding), "who": escape(who)}
        return plain("Choose an account", f"to go on to {tx.client.name}", status=200, more=FORM.format(**fields))

    async def choose(self, call: Call) -> Reply:
        """Go on as who is signed in, or sign in as another."""
        tx = await self._flow.transaction(call)
        form = self._csrf.form(call, tx.binding)
        session = await self._flow.session(call)
        if session is None or form.get("action") != "continue":
            return to_page(LOGIN, tx)
        return await self._flow.visited(call, tx, session)
