"""Which passwords are taken: long enough, hard enough to guess, not a common one, not about the person, not an old one.

The strength of a password is estimated (zxcvbn), not read off its kinds of characters: any composition may be used
(ASVS 6.2.5). Auth0's five policies therefore differ in length and in how hard to guess a password must be; eight
characters and the list of common passwords hold for all of them.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE, RANKED_DICTIONARIES

from libs.runtime.errors import Unavailable
from libs.sealed.passwords import LONGEST, Passwords
from services.login.factors.attempt import PasswordRefused
from services.login.rules.database import member
from services.login.rules.identifiers import folded

SHORTEST: Final = 8
DEFAULT: Final = "good"
PRODUCT: Final = "limen"

SCORES: Final[Mapping[str, int]] = {"none": 0, "low": 0, "fair": 1, "good": 2, "excellent": 3}
"""The least score of zxcvbn, by Auth0's names: 2 stands a million guesses, 3 a hundred million."""

LENGTHS: Final[Mapping[str, int]] = {"excellent": 10}

MOST_HISTORY: Final = 24
WORD: Final = 4
"""A personal word must be this long to count: shorter ones are in everything."""

MEASURED: Final = 48
"""Characters the estimate looks at: more costs too much, and makes no password weaker."""

SUBSTITUTES: Final = frozenset(each for letters in L33T_TABLE.values() for each in letters)
MOST_SUBSTITUTES: Final = 6
"""Different signs that the estimate may read as letters (`0` as o): it tries every combination, and of twenty signs
that were seconds of a processor for one password that nobody remembers."""

WAITING: Final = 50
COMMON: Final[Collection[str]] = RANKED_DICTIONARIES["passwords"]

TOO_SHORT: Final = "length_at_least"
TOO_LONG: Final = "length_at_most"
COMMON_ONE: Final = "not_common"
GUESSABLE: Final = "not_guessable"
PERSONAL: Final = "not_personal"
USED_BEFORE: Final = "not_used_before"

TOLD: Final[Mapping[str, tuple[str, str]]] = {
    TOO_SHORT: ("PasswordStrengthError", "Password is too short"),
    TOO_LONG: ("PasswordStrengthError", "Password is too long"),
    COMMON_ONE: ("PasswordDictionaryError", "Password is too common"),
    PERSONAL: ("PasswordNoUserInfoError", "Password contains user information"),
    GUESSABLE: ("PasswordStrengthError", "Password is too weak"),
    USED_BEFORE: ("PasswordHistoryError", "Password has previously been used"),
}
"""By rule: Auth0's name of the error, and its sentence. The first rule that is not kept is told."""


class _Estimating:
    """A thread for estimates, each of which takes up to 50 ms of a processor; bounded, beside the loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="zxcvbn")
        self._waiting = 0

    async def run(self, work: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        if self._waiting >= WAITING:
            raise Unavailable("too many passwords wait to be estimated", retry_after=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


_ESTIMATING: Final = _Estimating()


@dataclass(frozen=True)
class Policy:
    """What a connection demands; `history` is how many earlier passwords are remembered."""

    shortest: int = SHORTEST
    score: int = SCORES[DEFAULT]
    words: frozenset[str] = frozenset()
    history: int = 0
    allows_personal: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Policy":
        """What a connection's options say, by Auth0's names."""
        options = _in_older_words(options)
        name = str(options.get("passwordPolicy") or DEFAULT)
        length = member(options, "password_complexity_options").get("min_length") or LENGTHS.get(name, SHORTEST)
        dictionary, history = member(options, "password_dictionary"), member(options, "password_history")
        personal = member(options, "password_no_personal_info")
        return cls(
            shortest=max(SHORTEST, int(length)),
            score=SCORES.get(name, SCORES[DEFAULT]),
            words=frozenset(map(folded, dictionary.get("dictionary") or ()))
            if dictionary.get("enable")
            else frozenset(),
            history=min(int(history.get("size") or 5), MOST_HISTORY) if history.get("enable") else 0,
            # Only an explicit "no" lets a password be about its owner.
            allows_personal=personal.get("enable") is False,
        )

    async def broken(self, password: str, personal: Sequence[str]) -> tuple[str, ...]:
        """The rules a password does not keep, by name; nothing when it is good."""
        return await _ESTIMATING.run(partial(self.broken_now, password, personal))

    def broken_now(self, password: str, personal: Sequence[str]) -> tuple[str, ...]:
        """The same, at once: for a thread."""
        return tuple(self._broken(password, list(personal)))

    def _broken(self, password: str, personal: list[str]) -> Iterator[str]:
        plain = folded(password)
        if len(password) < self.shortest:
            yield TOO_SHORT
        if len(password) > LONGEST:
            yield TOO_LONG
            return
        if plain in COMMON or plain in self.words:
            yield COMMON_ONE
        if not self.allows_personal and any(word in plain for word in personal_words(personal)):
            yield PERSONAL
        if self.score and zxcvbn(measured(password), personal)["score"] < self.score:
            yield GUESSABLE

    async def require(
        self, passwords: Passwords, password: str, personal: Sequence[str], earlier: Sequence[str] = ()
    ) -> None:
        """Take a password, or say why not; `earlier` are the hashes of somebody's passwords, the newest first.

        Raises:
            PasswordRefused: with every rule it does not keep.
            Unavailable: too many wait.
        """
        rules = await self.broken(password, personal)
        if not rules and await self.is_used_before(passwords, password, earlier):
            rules = (USED_BEFORE,)
        if rules:
            raise PasswordRefused(*TOLD[rules[0]], rules)

    async def is_used_before(self, passwords: Passwords, password: str, earlier: Sequence[str]) -> bool:
        """Whether a password is one of the `history` before; each costs one argon2."""
        for phc in earlier[: self.history]:
            if (await passwords.verified(password, phc)).is_right:
                return True
        return False


def measured(password: str) -> str:
    """What of a password is estimated: a beginning, in which few signs may stand for letters."""
    kept: set[str] = set()
    signs = []
    for each in password[:MEASURED]:
        if each in SUBSTITUTES and len(kept) < MOST_SUBSTITUTES:
            kept.add(each)
        signs.append("_" if each in SUBSTITUTES - kept else each)
    return "".join(signs)


def personal_words(said: Sequence[str]) -> set[str]:
    """The words by which a password would be about somebody, and the product's name."""
    words = {PRODUCT}
    for each in said:
        whole = folded(each)
        local = whole.partition("@")[0] if "@" in whole else whole
        words |= {whole, local, *local.replace(".", " ").replace("_", " ").replace("-", " ").split()}
    return {word for word in words if len(word) >= WORD}


_NEWER: Final = (
    ("password_complexity_options", "complexity", {"min_length": "min_length"}),
    ("password_dictionary", "dictionary", {"active": "enable", "custom": "dictionary"}),
    ("password_history", "history", {"active": "enable", "size": "size"}),
    ("password_no_personal_info", "profile_data", {"active": "enable"}),
)
"""An option, the member of `password_options` that goes before it, and what its members are called there and here."""


def _in_older_words(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options with what `password_options` says of passwords laid over what the four older options say."""
    said, read = member(options, "password_options"), dict(options)
    for older, newer, names in _NEWER:
        there = {names[name]: value for name, value in member(said, newer).items() if name in names}
        read[older] = {**member(options, older), **there}
    return read
