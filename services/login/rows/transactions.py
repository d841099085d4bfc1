"""The rows of login transactions, all authoritative: what an application asked, bound to one browser, for an hour.

What was asked may name a person (`login_hint`), and so may what was typed: both are kept encrypted under the secret in
the browser's cookie, of which the row has only a hash. Nobody but that browser can read them, nor can we.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Final

import msgspec

from libs.oauth.authorization import AuthorizationRequest
from libs.postgres import Connection, Database, DatabaseAway, Record
from libs.runtime.ids import uuid7
from libs.sealed import Tampered, associated_data
from libs.sealed.aead import decrypt, encrypt
from libs.telemetry.logs import log

LIFETIME: Final = timedelta(hours=1)
SWEPT_EVERY: Final = 60.0
MOST: Final = 10_000

INSERT: Final = """
INSERT INTO transactions (tenant, id, binding, client_id, asked, expires_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::interval)
"""

SIGNED_IN: Final = """
UPDATE transactions SET person = $3, session_id = $4, is_done = false, is_refused = false WHERE tenant = $1 AND id = $2
"""

DONE: Final = "UPDATE transactions SET is_done = true, is_refused = $3 WHERE tenant = $1 AND id = $2"

COLUMNS: Final = "x.binding, x.client_id, x.asked, x.identifier, x.person, x.session_id, x.is_done, x.is_refused"
"""What `kept` reads of a transaction `x`."""

SWEEP: Final = """
DELETE FROM transactions WHERE (tenant, id) IN (
    SELECT tenant, id FROM transactions WHERE expires_at < clock_timestamp() LIMIT $1)
"""


@dataclass(frozen=True)
class Kept:
    """A login under way, as its row and the browser's secret together say."""

    id: str
    client_id: str
    asked: AuthorizationRequest
    identifier: str | None
    person: str | None
    session_id: str | None
    is_done: bool
    is_refused: bool
    secret: str = field(repr=False)


class NotThisBrowser(Exception):
    """The transaction is another browser's, or this one lost its cookie."""


class TransactionGone(Exception):
    """The transaction has expired, or was never there."""


class SignedInMeanwhile(Exception):
    """The same form came twice, and the other one has begun a session."""

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.session_id = session_id


async def begin(rows: Connection, tenant: str, secret: str, asked: AuthorizationRequest) -> str:
    """A new transaction for whoever has `secret`; its id, in the order of time."""
    id_ = uuid7().hex
    sealed = _sealed(secret, tenant, id_, "asked", msgspec.msgpack.encode(asked))
    await rows.execute(INSERT, tenant, id_, _hash(secret), asked.client_id, sealed, LIFETIME)
    return id_


def kept(tenant: str, id_: str, secret: str | None, row: Record | None) -> Kept:
    """The transaction of a row that has not expired.

    Raises:
        TransactionGone: there is none, or none any more.
        NotThisBrowser: it is not this browser's.
    """
    if row is None:
        raise TransactionGone
    if secret is None or row["binding"] != _hash(secret):
        raise NotThisBrowser
    return _kept(tenant, id_, secret, row)


async def remember_identifier(rows: Connection, tenant: str, id_: str, secret: str, identifier: str) -> None:
    """Keep what was typed on the first page."""
    sealed = _sealed(secret, tenant, id_, "identifier", identifier.encode())
    await rows.execute("UPDATE transactions SET identifier = $3 WHERE tenant = $1 AND id = $2", tenant, id_, sealed)


async def signed_in(rows: Connection, tenant: str, id_: str, person: str, session_id: str) -> None:
    """All steps were done; written with the session's fact."""
    await rows.execute(SIGNED_IN, tenant, id_, person, session_id)


async def first_signed_in(
    rows: Connection, tenant: str, id_: str, person: str, session_id: str, *, was: str | None
) -> None:
    """The same with a new session, in place of the one that is known of.

    Raises:
        SignedInMeanwhile: there is another one by now.
    """
    said = (tenant, id_, person, session_id, was)
    if await rows.execute(f"{SIGNED_IN} AND session_id IS NOT DISTINCT FROM $5", *said) != "UPDATE 0":
        return
    found = await rows.fetchval("SELECT session_id FROM transactions WHERE tenant = $1 AND id = $2", tenant, id_)
    if found is not None:
        raise SignedInMeanwhile(found)


async def done(rows: Connection, tenant: str, id_: str, *, is_refused: bool) -> None:
    """The application was answered: with what it wants, or that it does not get it."""
    await rows.execute(DONE, tenant, id_, is_refused)


async def sweep(database: Database) -> None:
    """Forget those that have expired, for ever (a background task)."""
    while True:
        await asyncio.sleep(SWEPT_EVERY)
        try:
            async with database.connection() as rows:
                while await rows.execute(SWEEP, MOST) == f"DELETE {MOST}":
                    pass
        except DatabaseAway as error:
            log.info("sweeping waits", reason=repr(error))


def _kept(tenant: str, id_: str, secret: str, row: Record) -> Kept:
    asked = _opened(secret, tenant, id_, "asked", row["asked"])
    typed = row["identifier"]
    return Kept(
        id=id_,
        client_id=row["client_id"],
        asked=msgspec.msgpack.decode(asked, type=AuthorizationRequest),
        identifier=None if typed is None else _opened(secret, tenant, id_, "identifier", typed).decode(),
        person=row["person"],
        session_id=row["session_id"],
        is_done=row["is_done"],
        is_refused=row["is_refused"],
        secret=secret,
    )


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _key(secret: str) -> bytes:
    # Another hash than the one that is stored: whoever reads the row has no key.
    return sha256(b"what was asked\n" + secret.encode()).digest()


def _sealed(secret: str, tenant: str, id_: str, name: str, plain: bytes) -> bytes:
    return encrypt(_key(secret), "cookie", plain, associated_data(tenant=tenant, transaction=id_, field=name))


def _opened(secret: str, tenant: str, id_: str, name: str, blob: bytes) -> bytes:
    try:
        return decrypt(_key(secret), blob, associated_data(tenant=tenant, transaction=id_, field=name))
    except Tampered as error:
        raise TransactionGone from error
