"""A login on its way: from the checked request, through whatever is shown, to the answer to the application.

The pages call it: `transaction` says where a browser stands, `signed_in`, `consented` and `cancelled` lead on. What a
page may do follows from the transaction's row alone, so no step can be skipped by posting a later one (LG-16).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from libs.edge import Call, Reply
from libs.eventstore import Context, EventStore
from libs.oauth.authorization import AuthorizationRequest, RedirectUriRefused, is_registered
from libs.oauth.errors import AccessDenied, LoginRequired, OAuthError
from libs.postgres import Connection, Database
from libs.runtime.errors import Unavailable
from services.login.commands import GiveConsent, Note, VisitSession
from services.login.events import AuthorizationRefused
from services.login.queries import sessions, standing
from services.login.queries.sessions import SessionView
from services.login.queries.standing import ApiRow, ClientRow
from services.login.routes import cookies
from services.login.routes.answering import Destination, answered
from services.login.routes.entering import Entering, visit
from services.login.routes.forms import check_origin
from services.login.routes.hints import Hints
from services.login.routes.issuing import Issuing, Signed
from services.login.routes.logins import (
    People,
    Proof,
    Transaction,
    TransactionDone,
    context_of,
    state_of,
    surroundings,
    to_page,
)
from services.login.rows import transactions
from services.login.rows.transactions import TransactionGone
from services.login.rules.authorization import granted, is_meant
from services.login.rules.consent import consent_id_of
from services.login.rules.session import ProofGone, SessionGone

LOGIN: Final = "/u/login"
SIGNUP: Final = "/u/signup"
CONSENT: Final = "/u/consent"
ACCOUNT: Final = "/u/account"
RESUME: Final = "/authorize/resume"


class Flow:
    """Leads logins on; one per process."""

    def __init__(self, store: EventStore, people: People, hints: Hints, entering: Entering, issuing: Issuing) -> None:
        self._store, self._people, self._hints = store, people, hints
        self._entering, self._issuing = entering, issuing
        self._database = store.database

    @property
    def database(self) -> Database:
        """Where the rows are."""
        return self._database

    # Where a browser stands

    async def transaction(self, call: Call) -> Transaction:
        """The login which this page belongs to, by its parameter `state` and the browser's cookie.

        Raises:
            TransactionGone: it has expired or was never there; TransactionDone where the application was answered.
            NotThisBrowser: it is another browser's.
            Forged: another site posts.
            RedirectUriRefused: the application has meanwhile given up the address to which the answer would go.
        """
        if call.request.method == "POST":
            check_origin(call)
        id_ = state_of(call)
        secret = cookies.transaction_cookie(call, id_)
        kept, client = await standing.under_way(self._database, call.tenant, id_, secret)
        if kept.is_done and call.request.method != "POST":
            raise TransactionGone if kept.is_refused else TransactionDone
        if client is None:
            raise TransactionGone
        allowed = client.registered
        if not is_registered(kept.asked.redirect_uri, allowed.callbacks, is_native=allowed.is_native):
            raise RedirectUriRefused
        said = (kept.identifier, kept.person, kept.session_id, kept.is_done, kept.is_refused)
        return Transaction(kept.id, call.tenant, client, kept.asked, kept.secret, *said)

    async def remember_identifier(self, call: Call, tx: Transaction, identifier: str) -> None:
        """Keep what was typed on the first page for the second."""
        async with self._database.connection() as rows:
            await transactions.remember_identifier(rows, call.tenant, tx.id, tx.binding, identifier)

    async def session(self, call: Call) -> SessionView | None:
        """Who is signed in at this browser, if they still may be."""
        cookie = cookies.session_cookie(call)
        if not cookie:
            return None
        found = await sessions.by_cookie(self._database, call.tenant, cookies.hash_of(cookie))
        return found if found and found.is_welcome else None

    # What leads on

    async def begin(self, call: Call, client: ClientRow, asked: AuthorizationRequest) -> tuple[Transaction, list[Any]]:
        """A new login, and the headers that bind it to this browser."""
        secret = cookies.new_secret()
        async with self._database.connection() as rows:
            id_ = await transactions.begin(rows, call.tenant, secret, asked)
        return Transaction(id_, call.tenant, client, asked, secret), cookies.set_transaction(call, id_, secret)

    async def signed_in(
        self, call: Call, tx: Transaction, proven: Proof, *, is_signup: bool = False, kept: Sequence[Any] = ()
    ) -> Reply:
        """Somebody showed who they are: give them a session, then ask for consent or answer the application.

        `kept` are further headers, for whoever is signed in alone.

        Session, fact, activity and the transaction's step are one commit: there is no session without all its steps.
        """
        if await self.is_another(call, tx.params, proven.person):
            return await self.cancelled(call, tx, LoginRequired("Another person signed in than was asked for."))
        secret = cookies.new_secret()
        try:
            session = await self._entering.enter(call, tx, proven, secret, is_signup=is_signup)
        except ProofGone:
            return to_page(LOGIN, tx)  # the password was changed, or they were blocked, while it was compared
        tenant = tx.client.tenant
        lifetime = standing.lifetimes_of(tenant).absolute if standing.is_persistent(tenant) else None
        headers = [cookies.set_session(call, secret, lifetime), *kept]
        tx = replace(tx, person=proven.person, session_id=session.session_id)
        return await self._onward(call, tx, session, headers)

    async def visited(self, call: Call, tx: Transaction, session: SessionView, headers: Sequence[Any] = ()) -> Reply:
        """Somebody who is signed in goes on to this application without being asked who they are."""
        command = VisitSession(
            call.tenant, session.session_id, standing.lifetimes_of(tx.client.tenant), visit(call, tx)
        )

        async def also(rows: Connection, _state: Any) -> None:
            if tx.binding:
                await transactions.signed_in(rows, call.tenant, tx.id, session.person, session.session_id)

        try:
            context = context_of(call, tx, session.person, session.session_id)
            await self._store.execute(command, context, also=also, placed=False)
        except SessionGone as error:
            raise LoginRequired from error  # it ended a moment ago
        tx = replace(tx, person=session.person, session_id=session.session_id)
        return await self._onward(call, tx, session, headers, is_again=not tx.binding)

    async def resumed(self, call: Call, tx: Transaction) -> Reply:
        """Go on where it was left: after a reload, or when somebody we needed was away."""
        session = await self._entering.session_of(tx)
        if session is None:
            return to_page(LOGIN, tx)
        return await self._onward(call, tx, session, [], is_again=True)

    async def consented(self, call: Call, tx: Transaction, *, accepts: bool) -> Reply:
        """Somebody answered what they were asked; who is not signed in by now begins again.

        The application is answered once. The same answer again, by a double click, is the same; the other one, from a
        page that somebody went back to or had open in another tab, comes too late.

        Raises:
            TransactionDone: it was allowed, and cannot be refused by this page any more.
            TransactionGone: it was refused, and has to ask anew.
        """
        if tx.is_done and accepts == tx.is_refused:
            raise TransactionGone if tx.is_refused else TransactionDone
        session = await self._entering.session_of(tx)
        if session is None or tx.person is None:
            return to_page(LOGIN, tx)
        if not accepts:
            return await self.cancelled(call, tx, AccessDenied("User did not authorize the request"))
        scope = await self.scope(tx)
        consent_id = consent_id_of(call.tenant, tx.person, tx.client.client_id, tx.audience)
        command = GiveConsent(call.tenant, consent_id, tx.person, tx.client.client_id, tx.audience, scope)
        await self._store.execute(command, context_of(call, tx, tx.person, tx.session_id), placed=False)
        return await self._issued(call, tx, session, [])

    async def cancelled(self, call: Call, tx: Transaction, error: OAuthError) -> Reply:
        """Tell the application that there will be no login."""
        await self.note(call, tx.client, error.code, error.reason, is_silent=tx.params.is_silent)
        return await self._finished(tx, error.body(), [])

    # What is known of it

    async def scope(self, tx: Transaction) -> tuple[str, ...]:
        """What the application gets if it is let: the asked scopes that mean something here."""
        return granted(tx.params.scope, await self.descriptions(tx))

    async def descriptions(self, tx: Transaction) -> Mapping[str, str]:
        """The scopes of the asked API, with what people are told of them."""
        api = await self._api(tx)
        return api.scopes if api else {}

    async def _api(self, tx: Transaction) -> ApiRow | None:
        if tx.audience is None:
            return None
        known = tx.client.api
        if known is not None and known.identifier == tx.audience:
            return known  # it was read with the application, a moment ago
        return await standing.api(self._database, tx.tenant, tx.audience)

    async def user_id(self, tenant: str, person: str) -> str | None:
        """What tokens call somebody."""
        somebody = await self._people.person(tenant, person)
        return somebody.user_id if somebody else None

    async def is_signed_in(self, tx: Transaction) -> bool:
        """Whether the session in which this login's steps were done still lives, and its person may sign in."""
        return await self._entering.session_of(tx) is not None

    async def called(self, tenant: str, person: str) -> str:
        """What a page calls somebody."""
        somebody = await self._people.person(tenant, person)
        return somebody.name if somebody else "you"

    async def is_audience(self, tx: Transaction) -> bool:
        """Whether there is an API that is called so; userinfo is one as well."""
        if tx.audience is None or tx.audience == f"{tx.client.tenant.issuer}userinfo":
            return True
        return await self._api(tx) is not None

    async def has_consent(self, tx: Transaction, person: str) -> bool:
        """Whether there is nothing to be asked before the application gets what it wants."""
        if "consent" in tx.params.prompt:
            return False
        if tx.client.is_first_party:
            return True
        consent_id = consent_id_of(tx.tenant, person, tx.client.client_id, tx.audience)
        known = await sessions.consent(self._database, tx.tenant, consent_id)
        return known is not None and known.covers(await self.scope(tx))

    async def note(
        self, call: Call, client: ClientRow | None, error: str | None, reason: str, *, is_silent: bool
    ) -> None:
        """Tell the activity log of a refusal."""
        refused = AuthorizationRefused(
            client_id=client.client_id if client else None,
            client_name=client.name if client else None,
            error=error,
            reason=reason,
            is_silent=is_silent,
            **surroundings(call)._asdict(),
        )
        await self._store.execute(Note(call.tenant, (refused,)), Context(request_id=call.request_id, trace=call.trace))

    async def is_another_session(self, call: Call, tx: Transaction, session: SessionView) -> bool:
        """Whether the application means others than who is signed in: somebody else, or people of other connections.

        Raises:
            HintRefused: what it sent is no ID token of its own.
        """
        return await self.is_another(call, tx.params, session.person) or not tx.admits(session.connection_id)

    async def is_another(self, call: Call, asked: AuthorizationRequest, person: str) -> bool:
        """Whether the application means somebody else (`id_token_hint`, or a `sub` in `claims`).

        Raises:
            HintRefused: what it sent is no ID token of its own.
        """
        if asked.id_token_hint is None and asked.wished("sub") is None:
            return False
        somebody = await self._people.person(call.tenant, person)
        if somebody is None or not is_meant(asked, somebody.user_id):
            return True
        hint = asked.id_token_hint
        return hint is not None and self._hints.subject(call, hint, asked.client_id) != somebody.user_id

    async def _onward(
        self, call: Call, tx: Transaction, session: Signed, headers: Sequence[Any], *, is_again: bool = False
    ) -> Reply:
        assert tx.person is not None, "somebody signed in"
        if not await self.has_consent(tx, tx.person):
            return to_page(CONSENT, tx, headers)
        try:
            return await self._issued(call, tx, session, headers)
        except Unavailable:
            if is_again:
                raise
            # What was done is kept: a reload goes on from here.
            return to_page(RESUME, tx, headers)

    async def _issued(self, call: Call, tx: Transaction, session: Signed, headers: Sequence[Any]) -> Reply:
        said = await self._issuing.answer(tx, session, await self.scope(tx))
        if "error" in said:
            await self.note(call, tx.client, said["error"], "RefusedByToken", is_silent=tx.params.is_silent)
        return await self._finished(tx, said, headers)

    async def _finished(self, tx: Transaction, said: Mapping[str, str], headers: Sequence[Any]) -> Reply:
        if tx.binding:
            async with self._database.connection() as rows:
                await transactions.done(rows, tx.tenant, tx.id, is_refused="error" in said)
        to, issuer = Destination.of(tx.params), tx.client.tenant.issuer
        return answered(to, issuer, said, headers)
