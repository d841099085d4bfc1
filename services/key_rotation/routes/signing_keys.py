"""`/api/v2/keys/signing`: the keys in Auth0's shape, rotated and revoked on demand."""

from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from libs.edge import Call, answers
from libs.edge.idempotency import AnsweredRequests
from libs.edge.management_errors import BadRequest, LimitReached, NotFound
from libs.edge.schema import Boolean, Object, Property, Resource, Text
from libs.edge.validation import stated
from libs.edge.wire import Reply
from libs.edge.writes import context_of, patience, settled
from libs.eventstore import Also, Committed
from libs.jose import SIGNING_ALGORITHMS, ScheduledKey, Standing, certificate_of, retired_at, standing
from libs.postgres import Connection
from services.key_rotation import queries
from services.key_rotation.routes.changes import Changes
from services.key_rotation.rules.signing_keys import FIRST_ALG, AlgorithmUnused, Keys, NoSuchKey, TooManyKeys, rotated

ROTATION: Final = Resource(
    "rotation", Property("alg", Text(enum=SIGNING_ALGORITHMS), "The algorithm whose keys are rotated")
)

_TEXT: Final = Text(max_length=16_384)

CHANGED: Final = Object(
    Property("kid", _TEXT, is_required=True),
    Property("cert", _TEXT, is_required=True),
    Property("alg", _TEXT),
    Property("active_from", _TEXT, "When it signs"),
)
"""A key that was rotated in or revoked."""

KEY: Final = Object(
    *(Property(name, _TEXT, is_required=True) for name in ("kid", "alg", "cert", "pkcs7", "fingerprint", "thumbprint")),
    *(Property(name, Boolean(), is_required=True) for name in ("current", "next", "previous", "revoked")),
    *(Property(name, _TEXT) for name in ("current_since", "current_until", "active_from")),
)
"""A key as it is listed."""

REVOKED_SHOWN: Final = 20
"""Revoked keys the list goes on showing, the newest; the others can still be read one by one."""

_ORDER: Final = [*Standing]


class SigningKeyRoutes:
    """The handlers."""

    def __init__(self, changes: Changes, answered: AnsweredRequests) -> None:
        self._changes = changes
        self._answered = answered
        self._database = changes.store.database

    async def listing(self, call: Call) -> Reply:
        """Current, next and previous keys, then those lately revoked."""
        keys = await queries.keys(self._database, call.tenant)
        shown = [_shown(key, keys, self._standing(key, keys, call.now)) for key in self._listed(keys, call.now)]
        return answers.json(shown)

    async def read(self, call: Call) -> Reply:
        """One key, also a retired one."""
        keys = await queries.keys(self._database, call.tenant)
        key = _found(keys, call.parameters["kid"])
        return answers.json(_shown(key, keys, self._standing(key, keys, call.now)))

    async def rotate(self, call: Call) -> Reply:
        """Rotate; the answer is the key that signs next, and from when."""
        alg = stated(ROTATION, call).get("alg", FIRST_ALG)

        async def answered(rows: Connection, state: Keys) -> Reply:
            key = rotated(state, alg)
            cert = certificate_of(await queries.jwk(rows, call.tenant, key.kid)).cert
            body = {"cert": cert, "kid": key.kid, "alg": alg, "active_from": _time(key.active_from)}
            return answers.json(body, status=201)

        committed = await self._rotated(call, alg, self._answered.keeping(call, answered))
        headers = await settled(self._changes.applied, committed, within=patience(call))
        async with self._database.connection() as rows:
            reply = await answered(rows, committed.state)
        return replace(reply, headers=[*reply.headers, *headers])

    async def _rotated(self, call: Call, alg: str, also: Also | None) -> Committed:
        try:
            return await self._changes.rotate(call.tenant, alg, context_of(call), also=also)
        except AlgorithmUnused as error:
            raise BadRequest(
                f"Payload validation error: 'The tenant does not sign with {alg}' on property alg."
            ) from error
        except TooManyKeys as error:
            raise LimitReached(f"Too many signing keys: {error}", retry_after=3600) from error

    async def revoke(self, call: Call) -> Reply:
        """Revoke a key; if it was current, another signs from now on."""
        keys = await queries.keys(self._database, call.tenant)
        key = _found(keys, call.parameters["kid"])
        try:
            committed = await self._changes.revoke(call.tenant, key.kid, key.alg, context_of(call))
        except NoSuchKey as error:
            raise _no_such_key() from error
        headers = await settled(self._changes.applied, committed, within=patience(call))
        return answers.json({"cert": certificate_of(key.jwk).cert, "kid": key.kid}, headers=headers)

    def _listed(self, keys: list[ScheduledKey], now: datetime) -> list[ScheduledKey]:
        placed = [(self._standing(key, keys, now), key) for key in keys]
        alive = sorted((each for each in placed if each[0] is not Standing.RETIRED), key=_rank)
        revoked = sorted((key for key in keys if key.is_revoked), key=lambda key: key.active_from, reverse=True)
        return [key for _, key in alive] + revoked[:REVOKED_SHOWN]

    def _standing(self, key: ScheduledKey, keys: list[ScheduledKey], now: datetime) -> Standing:
        return standing(key, keys, now, max_age=self._changes.times.max_age)


def _rank(placed: tuple[Standing, ScheduledKey]) -> tuple[int, int, datetime]:
    place, key = placed
    return _ORDER.index(place), SIGNING_ALGORITHMS.index(key.alg), key.active_from


def _found(keys: list[ScheduledKey], kid: str) -> ScheduledKey:
    key = next((each for each in keys if each.kid == kid), None)
    if key is None:
        raise _no_such_key()
    return key


def _no_such_key() -> NotFound:
    return NotFound("The signing key does not exist.", "inexistent_signing_key")


def _shown(key: ScheduledKey, keys: list[ScheduledKey], place: Standing) -> dict[str, Any]:
    certificate = certificate_of(key.jwk)
    begun = place in {Standing.CURRENT, Standing.PREVIOUS}
    until = None if key.is_revoked else retired_at(key, keys)
    return {
        "kid": key.kid,
        "alg": key.alg,
        "cert": certificate.cert,
        "pkcs7": certificate.pkcs7,
        "fingerprint": certificate.fingerprint,
        "thumbprint": certificate.thumbprint,
        "current": place is Standing.CURRENT,
        "next": place is Standing.NEXT,
        "previous": place is Standing.PREVIOUS,
        "revoked": key.is_revoked,
        **({"current_since": _time(key.active_from)} if begun else {}),
        **({"current_until": _time(until)} if begun and until else {}),
        **({"active_from": _time(key.active_from)} if place is Standing.NEXT else {}),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
