"""`/u/signup`: an account, and with it the first login; the mail to verify the address never stands in between."""

from typing import Final, NamedTuple, Protocol

from libs.edge import Call, Reply, Route
from services.login.factors.attempt import PasswordRefused, Proven, SignUpRefused, SignUpRequest, TooManyAttempts
from services.login.factors.policy import Policy
from services.login.routes import messages
from services.login.routes.flow import LOGIN, Flow
from services.login.routes.login_pages import LONGEST, connection_of, from_where, may_sign_up, shared
from services.login.routes.logins import Transaction, to_page
from services.login.routes.remembered import Remembered
from services.login.routes.rules import rules_of
from services.login.routes.showing import Pages
from services.login.rules.identifiers import InvalidIdentifier, email_of, typed, username_of

PATH: Final = "/u/signup"


class Names(NamedTuple):
    """By what somebody wants to sign in; the user name is empty where none is asked for."""

    email: str
    username: str = ""


class Registers(Protocol):
    """Whoever makes accounts."""

    async def register(self, request: SignUpRequest) -> Proven:
        """Make one."""


class SignUpPages:
    """The page and its answer."""

    def __init__(self, flow: Flow, pages: Pages, sign_up: Registers, remembered: Remembered) -> None:
        self._flow, self._pages, self._sign_up, self._remembered = flow, pages, sign_up, remembered

    def routes(self) -> tuple[Route, ...]:
        """Ask, make."""
        told = self._pages.refused
        return (Route("GET", PATH, self.ask, renderer=told), Route("POST", PATH, self.made, renderer=told))

    async def ask(self, call: Call) -> Reply:
        """Ask for an address and a password; where nobody can sign up there is only the login (LG-17)."""
        tx = await self._flow.transaction(call)
        if not may_sign_up(tx):
            return to_page(LOGIN, tx)
        return self._shown(call, tx, Names((tx.identifier or tx.params.login_hint or "")[:LONGEST]))

    async def made(self, call: Call) -> Reply:
        """Make the account and sign in with it."""
        tx = await self._flow.transaction(call)
        form = self._pages.form(call, tx.binding)
        if not may_sign_up(tx):
            return to_page(LOGIN, tx)
        names = Names(*(typed(form.get(each, ""))[:LONGEST] for each in Names._fields))
        if missing := _missing(names.email, form):
            return self._shown(call, tx, names, errors=missing, status=400)
        try:
            proven = await self._sign_up.register(self._request(call, tx, names, form["password"]))
        except PasswordRefused as refused:
            errors = {"password": messages.WEAK_PASSWORD}
            return self._shown(call, tx, names, errors=errors, failed=refused.rules, status=400)
        except SignUpRefused as refused:
            return self._shown(call, tx, names, errors=_told(refused, names), status=400)
        except TooManyAttempts:
            return self._shown(call, tx, names, errors={"form": messages.TOO_MANY_ACCOUNTS}, status=429)
        kept = self._remembered.kept(call, tx, names.email)
        return await self._flow.signed_in(call, tx, proven, is_signup=True, kept=kept)

    def _request(self, call: Call, tx: Transaction, names: Names, password: str) -> SignUpRequest:
        return SignUpRequest(
            tenant=call.tenant,
            connection_id=connection_of(tx).connection_id,
            email=names.email,
            password=password,
            username=names.username or None,
            form=tx.binding,
            locale=self._pages.language(call, tx.params.ui_locales),
            **from_where(call, tx),
        )

    def _shown(
        self,
        call: Call,
        tx: Transaction,
        names: Names,
        *,
        errors: dict[str, str] | None = None,
        failed: tuple[str, ...] = (),
        status: int = 200,
    ) -> Reply:
        options = connection_of(tx).options
        return self._pages.show(
            call,
            "signup.html",
            status=status,
            **shared(tx),
            identifier=names.email,
            user_name=names.username,
            needs_username=options.get("requires_username") is True,
            errors=errors or {},
            rules=rules_of(Policy.of(options), failed),
        )


def _told(refused: SignUpRefused, names: Names) -> dict[str, str]:
    """What is said of a refusal: what is wrong with the words themselves, or of accounts what the tenant lets be told.

    That tells nobody who has an account: it is the same whoever does.
    """
    try:
        email_of(names.email)
    except InvalidIdentifier:
        return {"email": messages.NO_ADDRESS}
    try:
        username_of(names.username or "none")
    except InvalidIdentifier:
        return {"username": messages.NO_USERNAME}
    return {"form": messages.SIGN_UP_REFUSED.get(refused.code, messages.NO_ACCOUNT)}


def _missing(email: str, form: dict[str, str]) -> dict[str, str]:
    errors = {}
    if not email:
        errors["email"] = messages.EMPTY_IDENTIFIER
    if not form.get("password"):
        errors["password"] = messages.EMPTY_PASSWORD
    return errors
