"""The value of a `scope` parameter: an ordered set of scope tokens (RFC 6749 §3.3)."""

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Self

from libs.oauth.errors import InvalidScope

# scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class MalformedScope(InvalidScope):
    """The scope contains characters that are not allowed."""


def is_scope_token(text: str) -> bool:
    """Tell whether the text is one scope token (RFC 6749 §3.3)."""
    return _TOKEN.fullmatch(text) is not None


class Scopes(AbstractSet[str]):
    """An immutable set of scope tokens that remembers the order in which they were named.

    Two are equal when they hold the same tokens: RFC 6749 §3.3 gives the order no meaning, it is for the eye.
    """

    __slots__ = ("_tokens",)

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._tokens: dict[str, None] = dict.fromkeys(tokens)
        if not all(map(is_scope_token, self._tokens)):
            raise MalformedScope

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a space-delimited string; superfluous spaces are forgiven.

        Raises:
            MalformedScope: a token holds a character outside RFC 6749 §3.3; tabs and line ends are such characters.
        """
        return cls(token for token in text.split(" ") if token)

    def __contains__(self, token: object) -> bool:
        return token in self._tokens

    def __iter__(self) -> Iterator[str]:
        return iter(self._tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    def __hash__(self) -> int:
        return hash(frozenset(self._tokens))

    def __str__(self) -> str:
        """The form in which it is sent: tokens with one space between."""
        return " ".join(self._tokens)

    def __repr__(self) -> str:
        return f"Scopes.parse({str(self)!r})"
