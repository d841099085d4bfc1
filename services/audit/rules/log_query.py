"""The search in a tenant's log: a subset of Lucene's language, read into what indexes can answer.

    search = clause { ["AND"] clause }
    clause = field ":" value | field ":" "(" value { "OR" value } ")" | "date:" moment | "date:" range
    range  = ("[" | "{") (moment | "*") "TO" (moment | "*") ("]" | "}")
    value  = a word of letters, digits and -_.|@ or a text in quotation marks
    moment = YYYY-MM-DD, or with a time, THH:MM[:SS[.ffffff]], and with Z or an offset; UTC when it says none

A moment is as long as it is precise: `2026-01-01` is the whole day, so `[* TO 2026-01-01]` ends with it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from libs.edge.management_errors import InvalidQuery
from services.audit.rules.log_ids import Place, place_of

T = TypeVar("T")

POSSIBLE: Final = (
    "A search names type, client_id, log_id, user_id or date, joined by AND, "
    "as in type:(seccft OR feccft) AND date:[2026-01-01 TO *]"
)

MOST_USERS: Final = 10
"""In one search: `login` is asked about each."""

_TOKEN: Final = re.compile(
    r"""
    (?P<sign>[()\[\]{}])
    | (?P<field>[A-Za-z_][A-Za-z0-9_.]*):
    | "(?P<quoted>(?:[^"\\]|\\.)*)"
    | (?P<word>[^\s()\[\]{}"]+)
    | (?P<space>\s+)
    """,
    re.VERBOSE,
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.|@-]+")
_RESERVED: Final = frozenset({"AND", "OR", "NOT", "TO"})
_ESCAPED: Final = re.compile(r"\\(.)")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<time>T[0-9]{2}:[0-9]{2}(?P<seconds>:[0-9]{2}(?:\.(?P<fraction>[0-9]{1,6}))?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


class NotSearchable(InvalidQuery):
    """The search is none, or asks for what is not indexed; the message says what is possible."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Query validation error: '{what}' on property q. {POSSIBLE}.")


@dataclass(frozen=True)
class LogSearch:
    """Which entries are wanted; `None` asks nothing, and an empty set is found nowhere."""

    types: frozenset[str] | None = None
    client_ids: frozenset[str] | None = None
    places: frozenset[Place] | None = None
    user_ids: frozenset[str] | None = None
    """Of users, as Auth0 has them; `login` knows by which opaque ids entries name these."""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is too late."""


class Span(NamedTuple):
    """From a moment on, and up to another one that is not in it; `None` is open."""

    since: datetime | None
    until: datetime | None


class _Token(NamedTuple):
    kind: str
    text: str


_END: Final = _Token("end", "")


def parse(*texts: str) -> LogSearch:
    """What all of `texts` want together.

    Raises:
        NotSearchable: a text says something else than the language above.
    """
    search = LogSearch()
    for text in texts:
        reading = _Reading(text)
        while not reading.is_at_end:
            search = _clause(reading, search)
            if reading.takes("word", "AND") and reading.is_at_end:
                raise NotSearchable("Nothing follows AND")
    return search


class _Reading:
    """The tokens of one text, taken one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._tokens)

    def next(self) -> _Token:
        token = _END if self.is_at_end else self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens))
        return token

    def takes(self, kind: str, *texts: str) -> str | None:
        """Take the next token if it is one of these, and say which; a text in quotation marks is no sign."""
        if self.is_at_end or self._tokens[self._at].kind != kind or self._tokens[self._at].text not in texts:
            return None
        return self.next().text

    def require(self, kind: str, *texts: str) -> str:
        """Take it, or refuse."""
        taken = self.takes(kind, *texts)
        if taken is None:
            raise NotSearchable(f"Expected {' or '.join(texts)}")
        return taken


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotSearchable("A quotation mark is left open")
        at, kind = found.end(), found.lastgroup or ""
        if kind != "space":
            yield _Token(kind, found[kind])


def _clause(reading: _Reading, search: LogSearch) -> LogSearch:
    token = reading.next()
    if token.kind != "field":
        raise NotSearchable("Expected the name of a field and a colon")
    match token.text:
        case "date":
            return _within(search, _span(reading))
        case "type":
            return replace(search, types=_both(search.types, _values(reading)))
        case "client_id":
            return replace(search, client_ids=_both(search.client_ids, _values(reading)))
        case "log_id":
            places = frozenset(filter(None, map(place_of, _values(reading))))
            return replace(search, places=_both(search.places, places))
        case "user_id":
            user_ids = _both(search.user_ids, _values(reading))
            if len(user_ids) > MOST_USERS:
                raise NotSearchable(f"More than {MOST_USERS} users")
            return replace(search, user_ids=user_ids)
        case name:
            raise NotSearchable(f"The field {name[:50]} is not searchable")


def _values(reading: _Reading) -> frozenset[str]:
    if not reading.takes("sign", "("):
        return frozenset({_value(reading)})
    values = {_value(reading)}
    while not reading.takes("sign", ")"):
        reading.require("word", "OR")
        values.add(_value(reading))
    return frozenset(values)


def _value(reading: _Reading) -> str:
    token = reading.next()
    if token.kind == "quoted":
        return _ESCAPED.sub(r"\1", token.text)
    if token.kind != "word" or token.text in _RESERVED or not _PLAIN.fullmatch(token.text):
        raise NotSearchable("Expected a value, without wildcards, in quotation marks unless it is a plain word")
    return token.text


def _span(reading: _Reading) -> Span:
    opening = reading.takes("sign", "[", "{")
    if opening is None:
        return _moment(reading.next())
    first = _end(reading)
    reading.require("word", "TO")
    last = _end(reading)
    closing = reading.require("sign", "]", "}")
    return Span(first.since if opening == "[" else first.until, last.until if closing == "]" else last.since)


def _end(reading: _Reading) -> Span:
    return Span(None, None) if reading.takes("word", "*") else _moment(reading.next())


def _moment(token: _Token) -> Span:
    """From its beginning to its end."""
    found = _MOMENT.fullmatch(token.text) if token.kind in {"word", "quoted"} else None
    if found is None:
        raise NotSearchable("Expected a date as 2026-01-31 or 2026-01-31T23:59:59Z")
    try:
        said = datetime.fromisoformat(token.text)
        since = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
        return Span(since, since + _length(found))
    except (ValueError, OverflowError) as error:
        raise NotSearchable("There is no such date") from error


def _length(moment: re.Match[str]) -> timedelta:
    if moment["time"] is None:
        return timedelta(days=1)
    if moment["seconds"] is None:
        return timedelta(minutes=1)
    return timedelta(microseconds=10 ** (6 - len(moment["fraction"] or "")))


def _within(search: LogSearch, span: Span) -> LogSearch:
    since = [each for each in (search.since, span.since) if each is not None]
    until = [each for each in (search.until, span.until) if each is not None]
    return replace(search, since=max(since, default=None), until=min(until, default=None))


def _both(known: frozenset[T] | None, wanted: frozenset[T]) -> frozenset[T]:
    return wanted if known is None else known & wanted
