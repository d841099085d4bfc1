"""`/authorize` (RFC 6749 §3.1, OpenID Connect Core §3.1.2): by GET or POST, one request, one of four next steps."""

import asyncio
from typing import Final

from libs.edge import Call, Reply, Route
from libs.oauth.authorization import (
    AuthorizationRequest,
    Given,
    NoSuchClient,
    RequestUnreadable,
    Untrusted,
    check_origin,
    checked,
    client_id_of,
    read,
    redirect_uri_of,
    response_mode_of,
)
from libs.oauth.errors import InvalidRequest, InvalidTarget, OAuthError, TemporarilyUnavailable
from libs.runtime.errors import Unavailable
from services.login.queries import standing
from services.login.queries.sessions import SessionView
from services.login.queries.standing import ClientRow
from services.login.routes.answering import Destination, answered
from services.login.routes.flow import ACCOUNT, LOGIN, RESUME, SIGNUP, Flow
from services.login.routes.forms import is_form, led_by_get
from services.login.routes.hints import Hints
from services.login.routes.logins import Transaction, new_id, to_page
from services.login.routes.problems import BadRequest
from services.login.routes.showing import Pages
from services.login.rules.authorization import Signed, Step, level_told, next_step

PATH: Final = "/authorize"
PATIENCE: Final = 20
"""Tenths of a second."""


class UnknownConnection(InvalidRequest):
    """The connection is not one in which people sign in to this application."""


class NoConnection(InvalidRequest):
    """Nobody can sign in to the application: no connection is enabled for it."""

    def __init__(self) -> None:
        super().__init__("no connections enabled for the client")


class UnknownAudience(InvalidTarget):
    """There is no API with this audience."""


class Authorize:
    """The authorization endpoint."""

    def __init__(self, flow: Flow, hints: Hints, pages: Pages) -> None:
        self._flow, self._hints, self._pages = flow, hints, pages

    def routes(self) -> tuple[Route, ...]:
        """The endpoint's own routes."""
        page = self._pages.refused
        return (
            Route("GET", PATH, self.by_get, renderer=page),
            Route("POST", PATH, self.by_post, renderer=page),
            Route("GET", RESUME, self.resume, renderer=page),
        )

    async def by_get(self, call: Call) -> Reply:
        """A request in the query."""
        return await self._answer(call, call.request.query)

    async def by_post(self, call: Call) -> Reply:
        """A request in a form: the same in every way (OpenID Connect Core §3.1.2.1)."""
        if not is_form(call.header("content-type")):
            raise RequestUnreadable
        raw = call.request.body.decode(errors="replace")
        return led_by_get(call, PATH) or await self._answer(call, raw)

    async def resume(self, call: Call) -> Reply:
        """Go on with a login where it was left."""
        return await self._flow.resumed(call, await self._flow.transaction(call))

    async def _answer(self, call: Call, raw: str) -> Reply:
        given = read(raw)
        client: ClientRow | None = None
        try:
            client = await self._client(call, given)
            to = self._destination(given, client)
        except Untrusted as refusal:
            await self._flow.note(call, client, None, type(refusal).__name__, is_silent=False)
            raise
        try:
            asked = checked(given, client.registered, to.redirect_uri)
            return await self._next(call, client, asked)
        except Unavailable as away:
            if (given.get("prompt") or "") != "none":
                raise
            # Nobody sees a page here: the application waits for an answer.
            return answered(to, client.tenant.issuer, TemporarilyUnavailable(retry_after=away.retry_after).body())
        except OAuthError as error:
            return await self._refuse(call, client, to, given, error)

    async def _client(self, call: Call, given: Given) -> ClientRow:
        """The application; one that was registered a moment ago is waited for until people can sign in to it."""
        client_id = client_id_of(given)
        audience = given.get("audience") or next(iter(given.resource), None)
        if "audience" in given.malformed:
            audience = None  # it is refused once it is known where to
        client = await standing.standing(self._flow.database, call.tenant, client_id, audience)
        for _ in range(PATIENCE):
            if client is None or not client.is_settling(call.now):
                break
            await asyncio.sleep(0.1)
            client = await standing.standing(self._flow.database, call.tenant, client_id, audience)
        if client is None:
            raise NoSuchClient
        return client

    def _destination(self, given: Given, client: ClientRow) -> Destination:
        redirect_uri = redirect_uri_of(given, client.registered)
        check_origin(given, redirect_uri, client.registered)
        state = None if "state" in given.repeated else given.state
        return Destination(client.client_id, redirect_uri, response_mode_of(given), state)

    async def _next(self, call: Call, client: ClientRow, asked: AuthorizationRequest) -> Reply:
        tx = Transaction(new_id(), call.tenant, client, asked, "")
        await self._check_names(tx)
        level_told(asked)  # or refused before anybody is asked for a password
        session = await self._flow.session(call)
        is_another = await self._is_another(call, tx, session)
        signed = Signed(session.auth_time, is_another) if session else None
        has_consent = session is not None and await self._flow.has_consent(tx, session.person)
        step = next_step(asked, signed, call.now, has_consent=has_consent)
        if step is Step.ANSWER and session is not None:
            return await self._flow.visited(call, tx, session)
        return await self._shown(call, tx, step, session)

    async def _check_names(self, tx: Transaction) -> None:
        """What the request names besides the client must be there."""
        if tx.params.connection is not None and tx.connection is None:
            raise UnknownConnection
        if tx.audience is not None and not await self._flow.is_audience(tx):
            raise UnknownAudience(f"Service not found: {tx.audience}")

    async def _is_another(self, call: Call, tx: Transaction, session: SessionView | None) -> bool:
        """Whether the application means another than who is signed in; a hint that is none of ours is refused."""
        if session is not None:
            return await self._flow.is_another_session(call, tx, session)
        if tx.params.id_token_hint is not None:
            self._hints.subject(call, tx.params.id_token_hint, tx.params.client_id)
        return False

    async def _shown(self, call: Call, tx: Transaction, step: Step, session: SessionView | None) -> Reply:
        if step is Step.LOGIN and tx.connection is None and not tx.client.is_settling(call.now):
            raise NoConnection  # before a name and a password are asked for that nobody could compare
        begun, headers = await self._flow.begin(call, tx.client, tx.params)
        if step is Step.CONSENT and session is not None:
            return await self._flow.visited(call, begun, session, headers)
        if step is Step.CHOOSE:
            return to_page(ACCOUNT, begun, headers)
        path = SIGNUP if tx.params.screen_hint == "signup" else LOGIN
        return to_page(path, begun, headers)

    async def _refuse(self, call: Call, client: ClientRow, to: Destination, given: Given, error: OAuthError) -> Reply:
        is_silent = (given.get("prompt") or "") == "none"
        await self._flow.note(call, client, error.code, error.reason, is_silent=is_silent)
        if not client.is_first_party and not is_silent and await self._flow.session(call) is None:
            # A stranger's application must not use us to lead people to it (RFC 9700 §4.11.2).
            raise BadRequest(detail=error.description)
        return answered(to, client.tenant.issuer, error.body())
