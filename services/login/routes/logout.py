"""Logout: `/oidc/logout` (OpenID Connect RP-Initiated Logout), Auth0's `/v2/logout`, and the question `/u/logout`.

Nobody is led to an address that is not registered, compared as text (LG-12). Who brings no valid `id_token_hint` is
asked first, so that a picture on another site signs nobody out (OI-10).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from libs.edge import Call, Reply, Route
from libs.edge.answers import NO_STORE
from libs.edge.wire import VERSION
from libs.eventstore import Actor, Context
from libs.oauth.authorization import QUERY, Given, RequestUnreadable, Untrusted, location, read
from services.login.queries import sessions, standing
from services.login.queries.sessions import SessionView
from services.login.routes import cookies, messages
from services.login.routes.ending import Ending
from services.login.routes.flow import Flow
from services.login.routes.forms import led_by_get, read_form
from services.login.routes.hints import Hint, HintRefused, Hints
from services.login.routes.showing import Pages

OIDC: Final = "/oidc/logout"
AUTH0: Final = "/v2/logout"
ASK: Final = "/u/logout"


class ReturnRefused(Untrusted):
    """The address after the logout is none that is registered."""

    sentence = "The address to which you would be sent after logging out is not registered."


class WrongClient(Untrusted):
    """The application that asks is not the one that has the ID token, or is not known."""

    sentence = "The application that asks to log you out is not known."


@dataclass(frozen=True)
class Return:
    """Where a logout leads; nowhere but our own page when `url` is `None`, in the languages that are asked for."""

    client_id: str | None = None
    url: str | None = None
    state: bytes | None = None
    ui_locales: str | None = None


class Logout:
    """The handlers."""

    def __init__(self, flow: Flow, hints: Hints, ending: Ending, pages: Pages) -> None:
        self._flow, self._hints, self._ending, self._pages = flow, hints, ending, pages

    def routes(self) -> tuple[Route, ...]:
        """All ways out."""
        page = self._pages.refused
        return (
            Route("GET", OIDC, self.oidc, renderer=page),
            Route("POST", OIDC, self.oidc, renderer=page),
            Route("GET", AUTH0, self.auth0, renderer=page),
            Route("GET", ASK, self.ask, renderer=page),
            Route("POST", ASK, self.confirmed, renderer=page),
        )

    async def oidc(self, call: Call) -> Reply:
        """An application asks; with an ID token of the session it is done at once."""
        given = _given(call)
        if (led := led_by_get(call, OIDC)) is not None:
            return led
        hint = self._hint(call, given)
        back = await self._return(call, given, hint)
        held = await self._held(call)
        if held is None and hint is not None and hint.sid is not None:
            held = await sessions.session(self._flow.database, call.tenant, hint.sid)
        if held is not None and not await self._is_meant(call, hint, held):
            return self._question(call, back)
        return await self._ended(call, held, back)

    async def auth0(self, call: Call) -> Reply:
        """Auth0's way: a navigation of the browser itself is enough, and leads to a registered address alone."""
        given = read(call.request.query)
        back = await self._auth0_return(call, given)
        held = await self._held(call)
        if held is not None and not _is_navigation(call):
            return self._question(call, back)
        return await self._ended(call, held, back)

    async def ask(self, call: Call) -> Reply:
        """Ask whether somebody wants to log out."""
        return self._question(call, Return()) if await self._held(call) else self._goodbye(call)

    async def confirmed(self, call: Call) -> Reply:
        """Somebody pressed a button; where it leads is checked anew."""
        form = self._pages.form(call, cookies.session_cookie(call) or "")
        given = read(call.request.query)
        ui_locales = given.get("ui_locales")
        if form.get("action") != "accept":
            return self._pages.show(call, "message.html", message=messages.STILL_SIGNED_IN, ui_locales=ui_locales)
        client_id, url = given.get("client_id"), given.get("return")
        if given.malformed:
            raise ReturnRefused
        if url is not None and url not in await self._allowed(call, client_id):
            raise ReturnRefused
        return await self._ended(call, await self._held(call), Return(client_id, url, given.state, ui_locales))

    def _hint(self, call: Call, given: Given) -> Hint | None:
        token = given.get("id_token_hint")
        try:
            return None if token is None else self._hints.read(call.tenant, token, call.now)
        except HintRefused:
            return None

    async def _return(self, call: Call, given: Given, hint: Hint | None) -> Return:
        """Where it leads: nowhere, unless the application is known by an ID token or its id."""
        client_id = given.get("client_id")
        if hint is not None and client_id is not None and client_id not in hint.audience:
            raise WrongClient
        client_id = client_id or (hint.audience[0] if hint is not None and hint.audience else None)
        url, ui_locales = given.get("post_logout_redirect_uri"), given.get("ui_locales")
        is_bad = given.get("id_token_hint") is not None and hint is None
        if url is None or client_id is None or is_bad:
            return Return(client_id, ui_locales=ui_locales)
        if url not in await self._allowed(call, client_id):
            raise ReturnRefused
        return Return(client_id, url, given.state, ui_locales)

    async def _auth0_return(self, call: Call, given: Given) -> Return:
        client_id, url = given.get("client_id"), given.get("returnTo")
        if "returnTo" in given.repeated | given.malformed:
            raise ReturnRefused
        if "client_id" in given.malformed:
            raise WrongClient
        allowed = await self._allowed(call, client_id)
        if url is None:
            return Return(client_id, allowed[0] if allowed and client_id is not None else None)
        if url not in allowed:
            raise ReturnRefused
        return Return(client_id, url)

    async def _allowed(self, call: Call, client_id: str | None) -> Sequence[str]:
        """The addresses that are registered for an application, or for the tenant when none is named."""
        database = self._flow.database
        if client_id is None:
            tenant = await standing.tenant_row(database, call.tenant)
            return tuple(tenant.settings.get("allowed_logout_urls") or ())
        client = await standing.standing(database, call.tenant, client_id)
        if client is None:
            raise WrongClient
        return client.logout_urls

    async def _held(self, call: Call) -> SessionView | None:
        cookie = cookies.session_cookie(call)
        if not cookie:
            return None
        return await sessions.by_cookie(self._flow.database, call.tenant, cookies.hash_of(cookie))

    async def _is_meant(self, call: Call, hint: Hint | None, held: SessionView) -> bool:
        """Whether the ID token is of this session, or of an earlier one of the same person."""
        if hint is None:
            return False
        return hint.sid == held.session_id or hint.sub == await self._flow.user_id(call.tenant, held.person)

    def _question(self, call: Call, back: Return) -> Reply:
        said = {"client_id": back.client_id, "return": back.url, "state": back.state, "ui_locales": back.ui_locales}
        query = urlencode({name: value for name, value in said.items() if value is not None})
        return self._pages.show(
            call,
            "message.html",
            message=messages.LOGOUT,
            action=f"{ASK}?{query}" if query else ASK,
            binding=cookies.session_cookie(call) or "",
            form_action=() if back.url is None else (back.url,),
            ui_locales=back.ui_locales,
        )

    def _goodbye(self, call: Call, ui_locales: str | None = None) -> Reply:
        headers = _cleared(call)
        return self._pages.show(
            call, "message.html", message=messages.LOGGED_OUT, headers=headers, ui_locales=ui_locales
        )

    async def _ended(self, call: Call, held: SessionView | None, back: Return) -> Reply:
        if held is not None:
            context = Context(
                actor=Actor("user", held.person),
                client_id=back.client_id,
                session_id=held.session_id,
                request_id=call.request_id,
                trace=call.trace,
            )
            await self._ending.end(call.tenant, held, "logout", context)
        if back.url is None:
            return self._goodbye(call, back.ui_locales)
        answer = {} if back.state is None else {"state": back.state}
        there = location(back.url, QUERY, answer) if answer else back.url
        return Reply(VERSION, 303, [("location", there), *NO_STORE, *_cleared(call)], b"")


def _cleared(call: Call) -> Sequence[tuple[str, str]]:
    """Take the cookie from a browser that sent it: one that keeps it back may be signed in, and another site asks."""
    return () if cookies.session_cookie(call) is None else (cookies.clear_session(call),)


def _given(call: Call) -> Given:
    if call.request.method != "POST":
        given = read(call.request.query)
    else:
        read_form(call)
        given = read(call.request.body.decode(errors="replace"))
    if given.repeated or "client_id" in given.malformed:
        raise RequestUnreadable
    return given


def _is_navigation(call: Call) -> bool:
    """Whether the browser itself goes here; what a page embeds does not log anybody out."""
    return call.header("sec-fetch-mode") in {None, "navigate"} and call.header("sec-fetch-dest") in {None, "document"}
