"""Owns the memory of tokens that came lately: a bearer sends the same one with every request.

What a token says and whether a key made its signature never change, so both are asked once. Whether the key still
counts, and whether the claims hold now, here and for this purpose, is asked each time.
"""

from collections import OrderedDict
from functools import lru_cache
from typing import Final

from libs.jose.jwk import VerifyingKey
from libs.jose.parse import Unverified, parse
from libs.jose.signatures import is_signed

MOST: Final = 64
"""Tokens that are remembered: a few megabytes at the most."""


class Seen:
    """One process's memory; not for sharing between threads."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._parse = lru_cache(maxsize=most)(parse)
        self._good: OrderedDict[tuple[bytes, bytes], VerifyingKey] = OrderedDict()

    def parsed(self, token: str) -> Unverified:
        """The parts of `token`; its payload is everybody's, and to be left as it is.

        Raises:
            Refused: as `libs.jose.parse`.
        """
        return self._parse(token)

    def is_signed(self, key: VerifyingKey, message: bytes, signature: bytes) -> bool:
        """As `libs.jose.signatures.is_signed`; of what was not found good nothing is remembered."""
        if self._good.get((message, signature)) is key:
            return True
        if not is_signed(key, message, signature):
            return False
        self._good[message, signature] = key
        if len(self._good) > self._most:
            self._good.popitem(last=False)
        return True
