"""What of `login` must not come back: blocked and erased people, passwords, consents and sessions that ended."""

import secrets
from collections.abc import Mapping
from typing import Final

from argon2 import PasswordHasher

from libs.eventstore import Envelope
from services.cli.restoring.steps import Burn, Place, Reapply, Step
from services.login.commands import BlockUser, ChangeUser, EndSession, EraseUser, RevokeConsent, SetPassword
from services.login.events import (
    ConsentRevoked,
    SessionEnded,
    SessionRenewed,
    UserBlocked,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
)
from services.login.rules.consent import Consent
from services.login.rules.person import Person
from services.login.rules.session import Session


async def user_erased(place: Place, lost: Envelope, event: UserErased) -> Step | None:
    """The person is forgotten again: the backup brought data key and rows back."""
    if await _person(place, lost.tenant, event.person) is None:
        return None
    return Step(EraseUser(lost.tenant, event.person), f"person {event.person} is erased again")


async def user_blocked(place: Place, lost: Envelope, event: UserBlocked) -> Step | None:
    """The person is blocked again; if that was lifted meanwhile, only the operator knows."""
    person = await _person(place, lost.tenant, event.person)
    if person is None or person.is_blocked:
        return None
    todo = f"unblock person {event.person}, if that was done before the loss"
    return Step(BlockUser(lost.tenant, event.person), f"person {event.person} is blocked again", todo)


async def password_changed(place: Place, lost: Envelope, event: UserPasswordChanged) -> Step | None:
    """The password that was replaced does not count again; the one that replaced it is lost, and nobody knows ours."""
    person = await _person(place, lost.tenant, event.person)
    if person is None or not person.has_password:
        return None
    phc = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(secrets.token_urlsafe(32))
    command = SetPassword(tenant=lost.tenant, person=event.person, phc=phc, by="api")
    todo = f"person {event.person} must set a new password by mail: the newest one is lost"
    return Step(command, f"person {event.person}: the password that was replaced does not count again", todo)


async def email_doubted(place: Place, lost: Envelope, event: UserEmailVerified) -> Step | None:
    """The address does not count as verified again."""
    person = await _person(place, lost.tenant, event.person)
    if event.is_verified or person is None or not person.email_verified:
        return None
    command = ChangeUser(tenant=lost.tenant, person=event.person, email_verified=False)
    return Step(command, f"person {event.person}: the address does not count as verified again")


async def consent_revoked(place: Place, lost: Envelope, event: ConsentRevoked) -> Step | None:
    """The consent is taken back again."""
    command = RevokeConsent(lost.tenant, event.consent_id)
    consent = await place.state(command)
    if not isinstance(consent, Consent) or not consent.is_given:
        return None
    return Step(command, f"consent {event.consent_id} of person {event.person} is revoked again")


async def session_ended(place: Place, lost: Envelope, event: SessionEnded) -> Step | None:
    """The session is over again."""
    command = EndSession(lost.tenant, event.session_id, event.reason)
    session = await place.state(command)
    if not isinstance(session, Session) or session.ended is not None:
        return None
    return Step(command, f"session {event.session_id} of person {event.person} is over again")


async def session_renewed(place: Place, lost: Envelope, event: SessionRenewed) -> Step | None:
    """The session is over: its newest cookie is lost, and the one that was replaced must not count again."""
    command = EndSession(lost.tenant, event.session_id, "restored")
    session = await place.state(command)
    if not isinstance(session, Session) or session.ended is not None:
        return None
    return Step(command, f"session {event.session_id} of person {event.person} is over: its newest cookie is lost")


async def _person(place: Place, tenant: str, person: str) -> Person | None:
    state = await place.state(EraseUser(tenant, person))
    return state if isinstance(state, Person) else None


REAPPLY: Final[Mapping[type, Reapply]] = {
    UserErased: user_erased,
    UserBlocked: user_blocked,
    UserPasswordChanged: password_changed,
    UserEmailVerified: email_doubted,
    ConsentRevoked: consent_revoked,
    SessionEnded: session_ended,
    SessionRenewed: session_renewed,
}
"""Every fact of `login` that restricted something."""

BURN: Final = (
    Burn("DELETE FROM tickets", "links to set a password, verify an address or lift a lock are void"),
    Burn("DELETE FROM transactions", "logins under way begin anew"),
)
"""What may have been used once in what was lost."""
