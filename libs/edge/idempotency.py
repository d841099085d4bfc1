"""`Idempotency-Key` on POST: a request sent again within a day is not done again, and is answered as the first was.

The answer is written in the transaction of the command it answers, so there is never one without the other: who lost
an answer to a crash or to the network asks again and gets it. Answers hold secrets that are shown once, so they are
kept encrypted, under a key that is not in the database.
A refusal changed nothing and is not kept: the same request is judged again.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec

from libs.edge.call import Call
from libs.edge.management_errors import BadRequest, ManagementError
from libs.edge.wire import Reply
from libs.eventstore import Also
from libs.postgres import AlreadyThere, Connection, Database, DatabaseAway
from libs.sealed import DerivedKey, associated_data
from libs.sealed.aead import decrypt, encrypt
from libs.telemetry.logs import log

HEADER: Final = "idempotency-key"
REPLAYED: Final = ("idempotent-replayed", "true")
LIFETIME: Final = timedelta(hours=24)
LABEL: Final = "idempotency"
LONGEST: Final = 255
EVERY: Final = 600.0
"""Seconds between two rounds of forgetting."""

MOST: Final = 10_000
"""Rows a statement forgets at most, so that it stays within its time."""

REMEMBERED: Final = """
SELECT fingerprint, key_id, answer FROM answered_requests
WHERE tenant = $1 AND key = $2 AND expires_at > clock_timestamp()
"""
KEPT: Final = """
INSERT INTO answered_requests (tenant, key, fingerprint, key_id, answer, expires_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6)
ON CONFLICT (tenant, key) DO UPDATE SET fingerprint = excluded.fingerprint, key_id = excluded.key_id,
    answer = excluded.answer, expires_at = excluded.expires_at
WHERE answered_requests.expires_at <= clock_timestamp()
RETURNING true
"""
FORGET: Final = """
DELETE FROM answered_requests WHERE (tenant, key) IN (
    SELECT tenant, key FROM answered_requests WHERE expires_at <= clock_timestamp() LIMIT $1)
"""

Answered = Callable[[Connection, Any], Awaitable[Reply]]
"""The answer to a command that leaves this state, made while its rows are written and not yet committed."""


class KeyUsedOtherwise(ManagementError):
    """The key named another request before: answering that one's answer would be wrong, doing this one unsafe."""

    status = 422
    error_code = "idempotency_key_reused"

    def __init__(self, message: str = "The Idempotency-Key was used for another request.") -> None:
        super().__init__(message)


class MalformedKey(BadRequest):
    """The header is there, and is not 1 to 255 visible characters, once."""

    error_code = "invalid_headers"

    def __init__(self) -> None:
        super().__init__("The Idempotency-Key must be sent once, with 1 to 255 visible ASCII characters.")


class AnsweredRequests:
    """The kept answers of one service; the first key encrypts, each opens what bears its id."""

    def __init__(self, database: Database, keys: Sequence[DerivedKey]) -> None:
        self._database = database
        self._keys = {each.key_id: each.key for each in keys}
        self._current = keys[0]

    async def remembered(self, call: Call) -> Reply | None:
        """The answer to the same request, if it was done; `None` for a request without a key or never seen.

        Raises:
            MalformedKey: the header is not one usable key.
            KeyUsedOtherwise: the key belongs to another request.
        """
        name = _name_of(call)
        if name is None:
            return None
        async with self._database.connection() as rows:
            row = await rows.fetchrow(REMEMBERED, call.tenant, name)
        if row is None:
            return None
        if row["fingerprint"] != _fingerprint(call):
            raise KeyUsedOtherwise
        reply = self._opened(call.tenant, name, row["key_id"], row["answer"])
        return msgspec.structs.replace(reply, headers=[*reply.headers, REPLAYED])

    def keeping(self, call: Call, answered: Answered) -> Also | None:
        """What writes `answered` beside the command's facts; `None` for a request without a key."""
        name = _name_of(call)
        if name is None:
            return None

        async def keep(rows: Connection, state: Any) -> None:
            plain = msgspec.msgpack.encode(await answered(rows, state))
            sealed = encrypt(self._current.key, self._current.key_id, plain, _purpose(call.tenant, name))
            row = (call.tenant, name, _fingerprint(call), self._current.key_id, sealed, LIFETIME)
            if not await rows.fetchval(KEPT, *row):
                raise AlreadyThere("answered_requests_pkey")

        return keep

    def name_of(self, call: Call) -> bytes | None:
        """By what the answer to a request is kept; `None` for a request without a key."""
        return _name_of(call)

    async def sweep(self) -> None:
        """Forget what is older than a day, for ever (a background task)."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.forget()
            except DatabaseAway as error:
                log.info("forgetting answered requests waits", reason=repr(error))

    async def forget(self, most: int = MOST) -> None:
        """Forget what is older than a day: in rounds until nothing is left, or a busy day would outgrow them."""
        async with self._database.connection() as rows:
            while await rows.execute(FORGET, most) == f"DELETE {most}":
                pass

    def _opened(self, tenant: str, name: bytes, key_id: str, sealed: bytes) -> Reply:
        key = self._keys.get(key_id)
        if key is None:
            # It was done, and nobody here can say what was answered: doing it again would be worse.
            raise KeyUsedOtherwise("The answer that the Idempotency-Key names can no longer be opened.")
        return msgspec.msgpack.decode(decrypt(key, sealed, _purpose(tenant, name)), type=Reply)


def _name_of(call: Call) -> bytes | None:
    """The key as it is kept: hashed, and another for every caller and route."""
    given = [value for each, value in call.request.headers if each == HEADER]
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 0 < len(key) <= LONGEST or not key.isascii() or not key.isprintable() or " " in key:
        raise MalformedKey
    return sha256(msgspec.msgpack.encode((call.caller, call.request.method, call.request.path, key))).digest()


def _fingerprint(call: Call) -> bytes:
    return sha256(msgspec.msgpack.encode((call.request.query, call.request.body))).digest()


def _purpose(tenant: str, name: bytes) -> bytes:
    return associated_data(tenant=tenant, request=b64encode(name).decode())
