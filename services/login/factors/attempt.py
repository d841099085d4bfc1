"""What a factor is told of an attempt, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.eventstore import Actor, Context


@dataclass(frozen=True, kw_only=True)
class Caller:
    """From where somebody speaks, for the activity log; `address` is the peer's, as the gateway found it."""

    address: str
    user_agent: str
    host: str
    client_id: str = ""
    client_name: str = ""
    locale: str = "en"
    request_id: str | None = None
    trace: str | None = None
    actor: Actor | None = None
    """Who asks, where the Management API is called."""

    @property
    def context(self) -> Context:
        """The same for the envelope of events."""
        return Context(actor=self.actor, client_id=self.client_id or None, request_id=self.request_id, trace=self.trace)


@dataclass(frozen=True, kw_only=True)
class Attempt(Caller):
    """Somebody says a name and a password; `is_guarded` when the connection lets accounts be locked."""

    tenant: str
    connection_id: str
    connection: str
    identifier: str = field(repr=False)
    password: str = field(repr=False)
    is_guarded: bool = True


@dataclass(frozen=True, kw_only=True)
class Proven:
    """Who it is, and by what they showed it (RFC 8176).

    `endings` counts what had ended sessions of theirs by then: one more, and what they showed counts no longer.
    """

    person: str
    endings: int
    amr: tuple[str, ...] = ("pwd",)


class WrongCredentials(Exception):
    """The name and the password do not belong together; the same for whoever is unknown, blocked or has none."""


class TooManyAttempts(Exception):
    """Too many wrong passwords for this account from this address, for this account, or from this address."""


@dataclass(frozen=True, kw_only=True)
class SignUpRequest(Caller):
    """Somebody wants an account; `profile` are further members, as `/dbconnections/signup` takes them.

    `form` is a secret that every sending of one form of ours brings along; empty for who asks by the API.
    """

    tenant: str
    connection_id: str
    email: str = field(repr=False)
    password: str = field(repr=False)
    username: str | None = field(default=None, repr=False)
    form: str = field(default="", repr=False)
    profile: Mapping[str, Any] = field(default_factory=dict, repr=False)


class SignUpRefused(Exception):
    """No account was made; `code` and `name` are Auth0's, `rules` the items of the policy that were not kept."""

    def __init__(self, code: str, name: str, description: str, rules: tuple[str, ...] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.name = name
        self.description = description
        self.rules = rules


class PasswordRefused(SignUpRefused):
    """The password is not one that is taken."""

    def __init__(self, name: str, description: str, rules: tuple[str, ...]) -> None:
        super().__init__("invalid_password", name, description, rules)
