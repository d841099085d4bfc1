"""Opaque cursors of checkpoint paging: good for one tenant, one list and one day, and for nobody to write (AD-06)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from libs.edge.management_errors import InvalidQuery

LIFETIME: Final = timedelta(hours=24)
MAX_CURSOR: Final = 2048
MAC_BYTES: Final = 16


class Cursors:
    """Makes and reads `<key id>.<position and expiry>.<HMAC>`.

    Args:
        keys: derived keys by their id (label `cursor`), so that cursors survive a new key.
        current: the id of the key that makes new ones.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        if current not in keys:
            raise ValueError(f"no key {current}")
        self._keys = dict(keys)
        self._current = current

    def sealed(self, tenant: str, route: str, position: str, *, now: datetime) -> str:
        """Return the cursor of the page after `position`, which the list's query understands."""
        content = _text(msgspec.msgpack.encode((int((now + LIFETIME).timestamp()), position)))
        return f"{self._current}.{content}.{self._mac(self._current, tenant, route, content)}"

    def opened(self, tenant: str, route: str, cursor: str, *, now: datetime) -> str:
        """Return the position in a cursor.

        Raises:
            InvalidQuery: altered, from another tenant or list, expired, or never ours.
        """
        key_id, _, rest = cursor.partition(".")
        content, _, mac = rest.partition(".")
        if len(cursor) > MAX_CURSOR or not cursor.isascii() or key_id not in self._keys:
            raise _invalid()
        if not hmac.compare_digest(mac, self._mac(key_id, tenant, route, content)):
            raise _invalid()
        expires, position = msgspec.msgpack.decode(_bytes(content), type=tuple[int, str])
        if now.timestamp() >= expires:
            raise _invalid()
        return position

    def _mac(self, key_id: str, tenant: str, route: str, content: str) -> str:
        # Packed as an array, so that no two different triples give the same bytes.
        covered = msgspec.msgpack.encode((key_id, tenant, route, content))
        return _text(hmac.digest(self._keys[key_id], covered, "sha256")[:MAC_BYTES])


def _invalid() -> InvalidQuery:
    return InvalidQuery.about("from", "The cursor is invalid or expired")


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
