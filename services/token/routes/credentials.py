"""Public keys in a body, alone or in the list under `private_key_jwt.credentials`, read strictly (JO-12)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from libs.edge.management_errors import BadRequest
from libs.jose import UnacceptableKey, certificate_end, public_jwk, public_key_from_pem, thumbprint
from libs.runtime.ids import prefixed
from services.token.commands import NewCredential
from services.token.routes.schemas.client_credential import PROMISES
from services.token.routes.schemas.promises import refuse

METHODS: Final = "client_authentication_methods"

# RFC 3339 §5.6; the standard library alone would also take week dates and times without an offset.
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def taken_from(properties: dict[str, Any]) -> tuple[NewCredential | str, ...] | None:
    """Take the credentials out of a body: new ones, ids of those that stay, none at all for `null`.

    Returns `None` where the body says nothing about them.

    Raises:
        BadRequest: a key we do not take, or a time that is none.
    """
    if METHODS not in properties:
        return None
    methods = properties.pop(METHODS)
    return () if methods is None else _credentials(methods["private_key_jwt"]["credentials"])


def _credentials(given: Sequence[Mapping[str, Any]]) -> tuple[NewCredential | str, ...]:
    return tuple(str(each["id"]) if "id" in each else new(each, _place(at)) for at, each in enumerate(given))


def require_new(credentials: Sequence[NewCredential | str] | None) -> tuple[NewCredential, ...]:
    """The credentials of an application that is only being made.

    Raises:
        BadRequest: one is named by an id that nothing can have yet.
    """
    unnamed = tuple(each for each in credentials or () if isinstance(each, NewCredential))
    if len(unnamed) < len(credentials or ()):
        _refuse("A new client has no credentials to name by id", f"{METHODS}.private_key_jwt.credentials")
    return unnamed


def new(given: Mapping[str, Any], place: str = "") -> NewCredential:
    """A new credential as a body describes it; `place` is where in the body.

    Raises:
        BadRequest: a key we do not take, or a time that is none.
        NotSupported: a kind of credential that nobody looks at yet.
    """
    refuse(PROMISES, given)
    for name in ("credential_type", "pem"):
        if given.get(name) is None:
            _refuse(f"Missing required property: {name}", place)
    try:
        key = public_key_from_pem(given["pem"], given["alg"], kid=given.get("kid"))
        certified = certificate_end(given["pem"]) if given.get("parse_expiry_from_cert") else None
    except UnacceptableKey as error:
        raise BadRequest(f"Payload validation error: '{error}' on property {_member(place, 'pem')}.") from error
    said = time(given.get("expires_at"), _member(place, "expires_at"))
    jwk = public_jwk(key)
    return NewCredential(
        credential_id=prefixed("cred", 20),
        credential_type=given["credential_type"],
        name=given.get("name"),
        alg=given["alg"],
        kid=key.kid or thumbprint(jwk),
        jwk=jwk,
        # What the body says goes before what the certificate says.
        expires_at=said or (certified.isoformat() if certified else None),
    )


def time(text: str | None, place: str) -> str | None:
    """The time in UTC.

    Raises:
        BadRequest: not a time as RFC 3339 writes it.
    """
    if text is None:
        return None
    if not _TIME.fullmatch(text):
        _refuse(f"Object didn't pass validation for format date-time: {text}", place)
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"Payload validation error: 'There is no such time: {text}' on property {place}.") from error


def _place(at: int) -> str:
    return f"{METHODS}.private_key_jwt.credentials[{at}]"


def _member(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _refuse(what: str, place: str) -> NoReturn:
    where = f" on property {place}" if place else ""
    raise BadRequest(f"Payload validation error: '{what}'{where}.")
