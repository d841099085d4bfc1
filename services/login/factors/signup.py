"""Signing up: an account in a database connection, made by whoever asks (LG-17, LG-20, LG-21, LG-22).

What is asked is judged before anybody looks whether the address is taken, and the password is hashed before too: the
answer to an address that is taken takes as long as one that makes an account.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from libs.eventstore import EventStore
from libs.postgres import Connection as Rows
from libs.runtime import ids
from libs.sealed import new_person_key
from libs.sealed.passwords import Passwords
from services.login.commands import Note, RegisterUser
from services.login.events import SignupFailed
from services.login.factors.attempt import (
    Attempt,
    Caller,
    PasswordRefused,
    Proven,
    SignUpRefused,
    SignUpRequest,
    TooManyAttempts,
    WrongCredentials,
)
from services.login.factors.mails import mail
from services.login.factors.password import PasswordFactor
from services.login.factors.policy import Policy
from services.login.factors.throttled import tell
from services.login.queries import people, places
from services.login.queries.places import Connection, Place
from services.login.rows.attempts import Attempts
from services.login.rows.errands import put
from services.login.rules.database import may_sign_up, require_username
from services.login.rules.identifiers import InvalidIdentifier, email_of, username_of
from services.login.rules.person_reasons import UserExists, UsernameExists

__all__ = ["PasswordRefused", "SignUp", "SignUpRefused", "SignUpRequest"]

PROVIDER: Final = "auth0"
SAID: Final = ("name", "given_name", "family_name", "nickname")
"""Members by which a password could be about its owner, beside the address and the user name."""

TELLS_USER_EXISTS: Final = "enable_public_signup_user_exists_error"


def new_person() -> str:
    """A fresh opaque id."""
    return ids.text(22)


def new_user_id() -> str:
    """Auth0's id of somebody in a database connection."""
    return f"{PROVIDER}|{ids.hex24()}"


def invalid() -> SignUpRefused:
    """The one answer that tells nothing: taken, not allowed, malformed."""
    return SignUpRefused("invalid_signup", "BadRequestError", "Invalid sign up")


def personal(place: Place, profile: Mapping[str, Any]) -> list[str]:
    """What a password must not contain: who it is, and where."""
    said = [profile.get(name) for name in ("email", "username", *SAID)]
    return [str(each) for each in (*said, place.friendly_name) if each]


class SignUp:
    """Makes accounts."""

    def __init__(self, store: EventStore, passwords: Passwords, factor: PasswordFactor, attempts: Attempts) -> None:
        self._store = store
        self._passwords = passwords
        self._factor = factor
        self._attempts = attempts

    async def register(self, request: SignUpRequest) -> Proven:
        """Make an account, and ask for the mail by which the address is verified.

        A form that comes twice, by a double click for instance, makes one account and proves who has it.

        Raises:
            SignUpRefused, PasswordRefused: no account was made, with Auth0's words.
            TooManyAttempts: from this address too many were tried.
            Unavailable: too many passwords wait, or the database is away.
        """
        if not await self._attempts.may_sign_up(request.tenant, request.address):
            await tell(self._store, self._attempts, request.tenant, request, is_signup=True)
            raise TooManyAttempts
        try:
            return await self._registered(request)
        except SignUpRefused as refused:
            await self._store.execute(Note(request.tenant, (_failure(request, refused),)), request.context)
            raise

    async def _registered(self, request: SignUpRequest) -> Proven:
        place = await places.place(self._store.database, request.tenant)
        connection = await places.connection(self._store.database, request.tenant, request.connection_id)
        if connection is None or not await self._may(request, connection):
            raise invalid()
        profile = _profile(request, connection)
        await Policy.of(connection.options).require(self._passwords, request.password, personal(place, profile))
        command = RegisterUser(
            tenant=request.tenant,
            person=_person(request, connection, profile["email"]),
            key=new_person_key(),
            connection_id=connection.connection_id,
            connection=connection.name,
            provider=PROVIDER,
            user_id=new_user_id(),
            profile=profile,
            phc=await self._passwords.hashed_of(request.password),
            by="signup",
        )
        try:
            await self._store.execute(command, request.context, also=_asks_to_verify(command, request))
        except UserExists as exists:
            return await self._again(request, connection, command.person) or _refuse(place, exists)
        return Proven(person=command.person, endings=0)

    async def _again(self, request: SignUpRequest, connection: Connection, person: str) -> Proven | None:
        """Whose account an earlier sending of this form has made; `None` where none did, or with another password."""
        if not request.form or await people.person(self._store.database, request.tenant, person) is None:
            return None
        caller = {name: getattr(request, name) for name in Caller.__dataclass_fields__}
        attempt = Attempt(
            **caller,
            tenant=request.tenant,
            connection_id=connection.connection_id,
            connection=connection.name,
            identifier=request.email,
            password=request.password,
            is_guarded=connection.is_guarded,
        )
        try:
            proven = await self._factor.prove(attempt)
        except WrongCredentials:
            return None
        return proven if proven.person == person else None

    async def _may(self, request: SignUpRequest, connection: Connection) -> bool:
        """Whether strangers can make an account there, through this application (LG-17)."""
        if not connection.is_database or not may_sign_up(connection.options):
            return False
        return await places.may_use(self._store.database, request.tenant, request.client_id, connection.connection_id)


def _person(request: SignUpRequest, connection: Connection, email: str) -> str:
    """A fresh opaque id, or for a form of ours the one that it has whenever it is sent with this address."""
    if not request.form:
        return new_person()
    said = f"sign-up\n{connection.connection_id}\n{email}".encode()
    return hmac.digest(request.form.encode(), said, "sha256")[:16].hex()


def _profile(request: SignUpRequest, connection: Connection) -> dict[str, Any]:
    try:
        email = email_of(request.email)
        username = username_of(request.username) if request.username else None
        require_username(connection.options, username)
    except InvalidIdentifier as error:
        raise invalid() from error
    if username is None and connection.options.get("requires_username") is True:
        raise invalid()
    return {**request.profile, "email": email, **({"username": username} if username else {})}


def _asks_to_verify(command: RegisterUser, request: SignUpRequest) -> Any:
    async def also(rows: Rows, _state: Any) -> None:
        asked = mail(
            request.tenant,
            command.person,
            "verify_email",
            locale=request.locale,
            application=request.client_name,
            client_id=request.client_id,
        )
        await put(rows, asked)

    return also


def _refuse(place: Place, exists: UserExists) -> NoReturn:
    """That an address is taken is told only where the tenant says so."""
    if not place.has_flag(TELLS_USER_EXISTS):
        raise invalid() from exists
    taken = SignUpRefused("user_exists", "BadRequestError", "The user already exists.")
    if isinstance(exists, UsernameExists):
        taken = SignUpRefused("username_exists", "BadRequestError", "The username provided is in use already.")
    raise taken from exists


def _failure(request: SignUpRequest, refused: SignUpRefused) -> SignupFailed:
    return SignupFailed(
        client_id=request.client_id,
        client_name=request.client_name,
        connection=request.connection_id,
        reason=",".join((refused.code, *refused.rules)),
        address=request.address,
        user_agent=request.user_agent,
        host=request.host,
    )
