"""What is public of what people do: the rows of `login` and `connections`, and of grants in `token`.

The sealed fields are not read here at all, and where somebody came from is for the tenant's own log.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from libs.eventstore import Envelope, Event
from services.audit.events import people
from services.audit.events.kinds import PublicEvent
from services.audit.rules.said import Private, Said, Says, seen
from services.connections import events as connections
from services.login import events as login
from services.token import events as token


def _same(kind: type[PublicEvent]) -> Says:
    """The fields that the public event has, each as it is in ours; what was seen of the request stays behind."""

    def says(_: Envelope, event: Any) -> Said:
        told = {name: getattr(event, name) for name in kind.__struct_fields__}
        private = seen(event)
        if private and "reason" in told:
            private["description"] = told["reason"]
        return Said(kind(**told), private or None)

    return says


def _changed(kind: Callable[..., PublicEvent], key: str, members: str) -> Says:
    """The names of what changed, never the values."""

    def says(_: Envelope, event: Any) -> Said:
        return Said(kind(**{key: getattr(event, key)}, changed=sorted(getattr(event, members))))

    return says


def _user_registered(_: Envelope, event: login.UserRegistered) -> Said:
    return Said(
        people.UserRegistered(
            person=event.person,
            connection_id=event.connection_id,
            connection=event.connection,
            is_verified=event.email_verified,
            by=event.by,
        )
    )


PEOPLE: Final[Mapping[type[Event], Says | Private]] = {
    login.UserRegistered: _user_registered,
    login.UserChanged: _changed(people.UserChanged, "person", "profile"),
    login.UserEmailVerified: _same(people.UserEmailVerified),
    login.UserPasswordChanged: _same(people.UserPasswordChanged),
    login.UserBlocked: _same(people.UserBlocked),
    login.UserUnblocked: _same(people.UserUnblocked),
    login.UserErased: _same(people.UserErased),
    login.ConsentGiven: _same(people.ConsentGiven),
    login.ConsentRevoked: _same(people.ConsentRevoked),
    login.SessionStarted: _same(people.SessionStarted),
    login.SessionRenewed: _same(people.SessionRenewed),
    login.SessionEnded: _same(people.SessionEnded),
    login.SessionAnnotated: _same(people.SessionAnnotated),
    login.LoginSucceeded: _same(people.LoginSucceeded),
    login.LoginFailed: _same(people.LoginFailed),
    login.LoginLocked: _same(people.LoginLocked),
    login.LoginThrottled: _same(people.LoginThrottled),
    login.LoginUnlocked: _same(people.LoginUnlocked),
    login.SignupFailed: _same(people.SignupFailed),
    login.AuthorizationRefused: _same(people.AuthorizationRefused),
    login.PasswordResetRequested: _same(people.UserPasswordResetRequested),
    login.EmailVerificationRequested: _same(people.UserEmailVerificationRequested),
    token.GrantStarted: _same(people.GrantStarted),
    token.GrantRevoked: _same(people.GrantRevoked),
    token.GrantExpired: _same(people.GrantExpired),
    token.GrantAnnotated: _same(people.GrantAnnotated),
    connections.ConnectionCreated: _same(people.ConnectionCreated),
    connections.ConnectionChanged: _changed(people.ConnectionChanged, "connection_id", "properties"),
    connections.ConnectionDeleted: _same(people.ConnectionDeleted),
    connections.ConnectionEnabled: _same(people.ConnectionEnabled),
    connections.ConnectionDisabled: _same(people.ConnectionDisabled),
    connections.MailSent: _same(people.MailSent),
    connections.MailFailed: _same(people.MailFailed),
    connections.LogoutDelivered: _same(people.LogoutDelivered),
    connections.LogoutUndelivered: _same(people.LogoutUndelivered),
}
"""Every event about people."""
