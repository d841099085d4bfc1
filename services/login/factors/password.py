"""Passwords as a factor: who says a name and a password is somebody, or learns nothing (LG-01, LG-04, LG-06).

Whoever is unknown, blocked, without a password, or says a wrong or an empty one, gets the same answer after the same
work: one look for the name, one count, one argon2, one event. Attempts are counted per account, which is the person
where there is one: all names of somebody share one count.
"""

from dataclasses import dataclass
from typing import Any, Final

from libs.eventstore import EventStore
from libs.postgres import Connection
from libs.sealed import Keyring
from libs.sealed.passwords import Passwords
from services.login.commands import Note
from services.login.events import LoginFailed, LoginLocked
from services.login.factors.attempt import Attempt, Proven, TooManyAttempts, WrongCredentials
from services.login.factors.mails import mail
from services.login.factors.throttled import tell
from services.login.queries import people
from services.login.queries.people import Credentials
from services.login.rows.attempts import Attempts, Counted, Keys
from services.login.rows.errands import Errand, put
from services.login.rules.identifiers import hashes, kind_of

__all__ = ["Attempt", "PasswordFactor", "Proven", "TooManyAttempts", "WrongCredentials"]

UPGRADE: Final = "UPDATE passwords SET phc = $4 WHERE tenant = $1 AND person = $2 AND phc = $3"


@dataclass(frozen=True)
class Account:
    """What an identifier stands for: somebody, or a name that nobody has."""

    found: Credentials | None
    identifier_hash: str

    @property
    def person(self) -> str | None:
        """Who it is."""
        return self.found.person if self.found else None

    @property
    def counted_as(self) -> str:
        """Under what attempts are counted."""
        return self.person or self.identifier_hash


class LiftedMeanwhile(Exception):
    """While the password was compared, the account's count was lifted, or taken back by who knew the password."""


class PasswordFactor:
    """Compares names and passwords."""

    def __init__(self, store: EventStore, passwords: Passwords, keyring: Keyring, attempts: Attempts) -> None:
        self._store = store
        self._passwords = passwords
        self._lookup_keys = keyring.derived("lookup")
        self._attempts = attempts

    async def prove(self, attempt: Attempt) -> Proven:
        """Who it is.

        Raises:
            WrongCredentials: the name and the password do not belong together.
            TooManyAttempts: nothing was compared.
            Unavailable: too many passwords wait, or the database is away.
        """
        account = await self.account(attempt.tenant, attempt.connection_id, attempt.identifier)
        keys = self._attempts.keys(attempt.tenant, account.counted_as, attempt.address, is_guarded=attempt.is_guarded)
        counted = await self._attempts.count(attempt.tenant, keys, account.person)
        if counted.is_throttled:
            await tell(self._store, self._attempts, attempt.tenant, attempt)
        if counted.is_one_too_many:
            locked = _lock(attempt, account, is_everywhere=True)
            await self._store.execute(Note(attempt.tenant, (locked,)), attempt.context)
        if not counted.is_let:
            raise TooManyAttempts
        found = account.found
        phc = found.phc if found and not found.is_blocked else None
        verified = await self._passwords.verified(attempt.password, phc)
        if found is None or phc is None or not verified.is_right:
            await self._failed(attempt, account, keys, counted)
            raise WrongCredentials
        await self._attempts.prove(attempt.tenant, keys)
        if verified.needs_upgrade:
            await self._upgrade(attempt, found.person, phc)
        return Proven(person=found.person, endings=found.endings)

    async def account(self, tenant: str, connection_id: str, identifier: str) -> Account:
        """What an identifier stands for."""
        digest = hashes(self._lookup_keys[:1], tenant, connection_id, kind_of(identifier), identifier)[0].hex()
        keys = self._lookup_keys
        found = await people.credentials(self._store.database, keys, tenant, connection_id, identifier)
        return Account(found, digest)

    async def _failed(self, attempt: Attempt, account: Account, keys: Keys, counted: Counted) -> None:
        strikes = counted.failures == keys.bounds.strikes_at
        failure = _failure(attempt, account)
        warning = await self._warning(attempt, account, keys) if strikes and keys.bounds.tells else None

        async def warned(rows: Connection, _state: Any) -> None:
            if warning is not None:
                await put(rows, warning)

        async def locked(rows: Connection, state: Any) -> None:
            if not await self._attempts.lock(rows, attempt.tenant, keys, attempt.address):
                raise LiftedMeanwhile
            await warned(rows, state)

        if not (strikes and keys.bounds.locks):
            await self._store.execute(Note(attempt.tenant, (failure,)), attempt.context, also=warned)
            return
        lock = _lock(attempt, account, is_everywhere=keys.bounds.is_by_account)
        try:
            await self._store.execute(Note(attempt.tenant, (failure, lock)), attempt.context, also=locked)
        except LiftedMeanwhile:
            await self._store.execute(Note(attempt.tenant, (failure,)), attempt.context)

    async def _warning(self, attempt: Attempt, account: Account, keys: Keys) -> Errand | None:
        """The mail that tells of wrong passwords, unless there were enough of them."""
        if not await self._attempts.may_warn(attempt.tenant, account.counted_as, account.person):
            return None
        template = "blocked_account" if keys.bounds.locks else "failed_attempts"
        application = attempt.client_name
        return mail(attempt.tenant, account.person, template, locale=attempt.locale, application=application)

    async def _upgrade(self, attempt: Attempt, person: str, phc: str) -> None:
        """Hash anew with today's cost; whoever changed the password meanwhile is not overwritten."""
        better = await self._passwords.hashed_of(attempt.password)
        async with self._store.database.connection() as rows:
            await rows.execute(UPGRADE, attempt.tenant, person, phc, better)


def _failure(attempt: Attempt, account: Account) -> LoginFailed:
    return LoginFailed(
        person=account.person,
        identifier_hash=None if account.person else account.identifier_hash,
        client_id=attempt.client_id,
        client_name=attempt.client_name,
        connection=attempt.connection,
        reason=_reason(account.found),
        address=attempt.address,
        user_agent=attempt.user_agent,
        host=attempt.host,
    )


def _reason(found: Credentials | None) -> str:
    """For the administrator's log alone."""
    if found is None:
        return "unknown"
    if found.is_blocked:
        return "blocked"
    return "wrong_password" if found.phc else "no_password"


def _lock(attempt: Attempt, account: Account, *, is_everywhere: bool = False) -> LoginLocked:
    return LoginLocked(
        person=account.person,
        identifier_hash=account.identifier_hash,
        client_id=attempt.client_id,
        address=attempt.address,
        user_agent=attempt.user_agent,
        host=attempt.host,
        is_everywhere=is_everywhere,
    )
