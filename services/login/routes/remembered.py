"""The identifier that somebody signed in with last is offered at the next login, in the same browser alone.

It is kept in a cookie that nobody but us can read, and nowhere else: whoever has another browser learns nothing, and it
does not tell whether anybody has that name. A tenant whose sessions end with the browser keeps none.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from libs.edge import Call
from libs.sealed import DerivedKey, Tampered, associated_data
from libs.sealed.aead import decrypt, encrypt, kek_id_of
from services.login.queries import standing
from services.login.routes import cookies
from services.login.routes.cookies import Header
from services.login.routes.logins import Transaction

LABEL: Final = "remembered"
LONGEST: Final = 512
"""Bytes of an identifier that is kept: a cookie has room for a few thousand."""


class Remembered:
    """The first key seals, each opens what bears its id."""

    def __init__(self, keys: Sequence[DerivedKey]) -> None:
        self._current = keys[0]
        self._keys = {each.key_id: each.key for each in keys}

    def offered(self, call: Call) -> str:
        """What this browser remembers; empty where that is nothing, or nothing of ours."""
        kept = cookies.who_cookie(call)
        if kept is None:
            return ""
        try:
            sealed = urlsafe_b64decode(kept)
            key = self._keys.get(kek_id_of(sealed))
            return decrypt(key, sealed, _place(call)).decode() if key else ""
        except (Tampered, ValueError):
            return ""

    def kept(self, call: Call, tx: Transaction, identifier: str) -> list[Header]:
        """The headers by which the browser of somebody who signed in remembers with what."""
        plain = identifier.encode(errors="replace")
        if len(plain) > LONGEST or not standing.is_persistent(tx.client.tenant):
            return []
        sealed = encrypt(self._current.key, self._current.key_id, plain, _place(call))
        return [cookies.set_who(call, urlsafe_b64encode(sealed).decode())]


def _place(call: Call) -> bytes:
    return associated_data(tenant=call.tenant, what=LABEL)
