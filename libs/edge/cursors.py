"""Opaque cursors of checkpoint paging: good for one tenant, one list and one day, and for nobody to write (AD-06)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final

import msgspec

from libs.edge.management_errors import InvalidQuery
from libs.sealed import DerivedKey

LIFETIME: Final = timedelta(hours=24)
MAX_CURSOR: Final = 2048
MAC_BYTES: Final = 16


class Cursors:
    """Makes and reads `<key id>.<position and expiry>.<HMAC>`.

    `current` (label `cursor`) makes new ones; the older keys still read theirs.
    """

    def __init__(self, current: DerivedKey, *older: DerivedKey) -> None:
        self._keys = {each.key_id: each.key for each in (*older, current)}
        self._current = current.key_id

    def sealed(self, tenant: str, route: str, position: str, *, now: datetime) -> str:
        """Return the cursor of the page after `position`, which the list's query understands."""
        content = _text(msgspec.msgpack.encode((int((now + LIFETIME).timestamp()), position)))
        return f"{self._current}.{content}.{self._mac(self._current, tenant, route, content)}"

    def opened(self, tenant: str, route: str, cursor: str, *, now: datetime) -> str:
        """Return the position in a cursor.

        Raises:
            InvalidQuery: altered, from another tenant or list, expired, or never ours.
        """
        rest, _, mac = cursor.rpartition(".")
        key_id, _, content = rest.rpartition(".")
        if len(cursor) > MAX_CURSOR or not cursor.isascii() or key_id not in self._keys:
            raise invalid()
        if not hmac.compare_digest(mac, self._mac(key_id, tenant, route, content)):
            raise invalid()
        expires, position = msgspec.msgpack.decode(_bytes(content), type=tuple[int, str])
        if now.timestamp() >= expires:
            raise invalid()
        return position

    def _mac(self, key_id: str, tenant: str, route: str, content: str) -> str:
        # Packed as an array, so that no two different triples give the same bytes.
        covered = msgspec.msgpack.encode((key_id, tenant, route, content))
        return _text(hmac.digest(self._keys[key_id], covered, "sha256")[:MAC_BYTES])


def invalid() -> InvalidQuery:
    """The refusal of a cursor that was not given here, or long ago."""
    return InvalidQuery.about("from", "The cursor is invalid or expired")


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
