"""Lists of users: by page, sorted, and by `q`, a subset of Lucene's language (Auth0's search engine v3).

Understood are `field:value`, `field:"a value"`, a `*` at a value's end, `_exists_:field`, AND, OR, NOT, parentheses,
and a value without a field, which is looked for among addresses, names and ids. Everything said is an argument of the
statement, never its text (AD-06); what is not understood is refused. Fields that lists are sorted by, and addresses,
names and ids, have an index.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from libs.edge.management_errors import InvalidQuery
from libs.postgres import Database
from services.login.queries.people import COLUMNS, Person, person_of

MOST_OFFSET: Final = 1000
"""Items that can be reached by page number, as in Auth0."""

MOST_TERMS: Final = 50
DEPTH: Final = 10
TOTALS: Final = 256
"""Totals that are remembered, until the log of facts moves."""

CASELESS: Final = {"email": 'lower(email) COLLATE "C"', "name": 'lower(name) COLLATE "C"'}
EXACT: Final = {"user_id": "user_id"}
MEMBERS: Final = ("username", "given_name", "family_name", "nickname", "phone_number")
TRUTHS: Final = {"email_verified": "email_verified", "blocked": "is_blocked"}
PLACES: Final = {
    "identities.connection": "connection",
    "identities.provider": "provider",
    "connection": "connection",
}

MOMENTS: Final = {"created_at": "created_at", "updated_at": "updated_at", "last_login": "last_login"}
"""Of these it is asked only whether there is one."""

SORTS: Final = {
    **MOMENTS,
    "user_id": "user_id",
    **CASELESS,
}
"""Fields that lists are sorted by; each has an index."""

INDEXED: Final = frozenset({*CASELESS.values(), *EXACT.values()})
"""Columns in the order of code points."""

BEHIND: Final = "\U0010ffff"
"""Sorts behind everything that a value goes on with."""

_TOKEN: Final = re.compile(
    r'\s*(?:(?P<mark>[()])|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<word>(?:[^\s()":\\]|\\.)+)|(?P<colon>:))'
)


@dataclass(frozen=True)
class Wanted:
    """Which users are wanted, and in which order."""

    q: str = ""
    connection: str | None = None
    sort: str = ""


@dataclass(frozen=True)
class Page:
    """Users, and how many there are in all pages if that was asked."""

    items: tuple[Person, ...]
    total: int


class Users:
    """Lists of users. Totals are kept until a fact is written: a total costs all rows there are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._totals: OrderedDict[Any, tuple[int, int]] = OrderedDict()

    async def page(self, tenant: str, wanted: Wanted, start: int, limit: int, *, counts: bool) -> Page:
        """A page.

        Raises:
            InvalidQuery: what is asked is not understood, or too far.
        """
        if start + limit > MOST_OFFSET:
            raise InvalidQuery(
                f"You can only page through the first {MOST_OFFSET} records. Please narrow your search with q."
            )
        values: list[Any] = [tenant]
        where = " AND ".join(["p.tenant = $1", *_conditions(wanted, values)])
        values_of_total = list(values)
        order = ordering(wanted.sort)
        values += [start, limit]
        statement = (
            f"SELECT {COLUMNS} FROM people p WHERE {where} ORDER BY {order} "  # noqa: S608  # values are arguments
            f"OFFSET ${len(values) - 1} LIMIT ${len(values)}"
        )
        async with self._database.connection() as rows:
            found = await rows.fetch(statement, *values)
            total = await self._total(rows, where, values_of_total) if counts else 0
        return Page(tuple(person_of(row) for row in found), total)

    async def _total(self, rows: Any, where: str, values: list[Any]) -> int:
        pos = await rows.fetchval("SELECT pos FROM head WHERE log = 'facts'")
        name = (where, repr(values))
        known = self._totals.get(name)
        if known is None or known[0] != pos:
            total = await rows.fetchval(f"SELECT count(*) FROM people p WHERE {where}", *values)  # noqa: S608
            known = self._totals[name] = (pos, total)
        self._totals.move_to_end(name)
        if len(self._totals) > TOTALS:
            self._totals.popitem(last=False)
        return known[1]


def ordering(sort: str) -> str:
    """The order of `sort`, such as `name:1`; by creation when nothing is said.

    Raises:
        InvalidQuery: no field that lists are sorted by.
    """
    name, _, direction = (sort or "created_at:1").partition(":")
    if name not in SORTS or direction not in {"1", "-1"}:
        raise InvalidQuery.about("sort", f"Expected one of {', '.join(SORTS)}, with :1 or :-1")
    way = "ASC" if direction == "1" else "DESC"
    return f"p.tenant {way}, {SORTS[name]} {way}, p.person {way}"


def _conditions(wanted: Wanted, values: list[Any]) -> list[str]:
    said = []
    if wanted.connection is not None:
        values.append(wanted.connection)
        said.append(f"p.connection = ${len(values)}")
    if wanted.q.strip() and wanted.q.strip() != "*":
        said.append(_Parser(wanted.q, values).parsed())
    return said


def not_understood(what: str) -> InvalidQuery:
    """The refusal of a `q`."""
    return InvalidQuery.about("q", what)


@dataclass
class _Parser:
    """Recursive descent: `or` of `and` of `not` of terms. Two terms without a word between them are both wanted."""

    text: str
    values: list[Any]
    tokens: list[tuple[str, str]] = field(default_factory=list)
    at: int = 0

    def parsed(self) -> str:
        self.tokens = list(_tokens(self.text))
        if len(self.tokens) > MOST_TERMS * 4:
            raise not_understood("Too many terms")
        condition = self._any(DEPTH)
        if self.at != len(self.tokens):
            raise not_understood("Unbalanced parenthesis")
        return condition

    def _any(self, depth: int) -> str:
        parts = [self._all(depth)]
        while self._is_word("OR"):
            self.at += 1
            parts.append(self._all(depth))
        return f"({' OR '.join(parts)})"

    def _all(self, depth: int) -> str:
        parts = [self._negated(depth)]
        while self.at < len(self.tokens) and not self._is_word("OR") and self.tokens[self.at] != ("mark", ")"):
            self.at += self._is_word("AND")
            parts.append(self._negated(depth))
        return f"({' AND '.join(parts)})"

    def _negated(self, depth: int) -> str:
        if self._is_word("NOT"):
            self.at += 1
            return f"NOT coalesce({self._term(depth)}, false)"
        return self._term(depth)

    def _term(self, depth: int) -> str:
        kind, text = self._next()
        if (kind, text) == ("mark", "("):
            if depth == 0:
                raise not_understood("Too many parentheses")
            condition = self._any(depth - 1)
            if self._next() != ("mark", ")"):
                raise not_understood("Unbalanced parenthesis")
            return condition
        if kind not in {"word", "quoted"}:
            raise not_understood("Unexpected character")
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "colon":
            self.at += 1
            return self._field(text, *self._next())
        return self._anywhere(kind, text)

    def _field(self, name: str, kind: str, text: str) -> str:
        if kind not in {"word", "quoted"}:
            raise not_understood("Expected a value")
        if name == "_exists_":
            return f"{_column(text)} IS NOT NULL"
        if name in MOMENTS:
            raise not_understood(f"Searching by {name} is not supported")
        value, is_prefix = _value(kind, text)
        if name in TRUTHS:
            if value not in {"true", "false"}:
                raise not_understood(f"Expected true or false on {name}")
            return f"{TRUTHS[name]} = {self._given(value == 'true')}"
        return self._matches(_column(name), value, is_prefix, folds=name in CASELESS or name in MEMBERS)

    def _anywhere(self, kind: str, text: str) -> str:
        value, is_prefix = _value(kind, text)
        columns = [(*CASELESS.items(), *EXACT.items())]
        return (
            "("
            + " OR ".join(
                self._matches(column, value, is_prefix, folds=name in CASELESS) for name, column in columns[0]
            )
            + ")"
        )

    def _matches(self, column: str, value: str, is_prefix: bool, *, folds: bool) -> str:  # noqa: FBT001
        said = value.lower() if folds else value
        if not is_prefix:
            return f"{column} = {self._given(said)}"
        if column in INDEXED:
            return f"({column} >= {self._given(said)} AND {column} < {self._given(said + BEHIND)})"
        return f"starts_with({column}, {self._given(said)})"

    def _given(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def _is_word(self, word: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at] == ("word", word)

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise not_understood("Unexpected end")
        self.at += 1
        return self.tokens[self.at - 1]


def _tokens(text: str) -> Any:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise not_understood("Unexpected character")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _value(kind: str, text: str) -> tuple[str, bool]:
    """What is said, and whether it is a beginning: a `*` anywhere but at the end of a word is not understood."""
    if kind == "quoted":
        return re.sub(r"\\(.)", r"\1", text[1:-1]), False
    is_prefix = text.endswith("*") and not text.endswith(r"\*")
    plain = text[:-1] if is_prefix else text
    if re.search(r"(?<!\\)[*?\[\]{}~^]", plain) or (is_prefix and not plain):
        raise not_understood("Only a wildcard at the end of a value is supported")
    return re.sub(r"\\(.)", r"\1", plain), is_prefix


def _column(name: str) -> str:
    known = {**CASELESS, **EXACT, **PLACES, **TRUTHS}
    if name in known:
        return known[name]
    if name in MEMBERS:
        return f"lower(profile->>'{name}')"  # one of the names above
    if name in MOMENTS:
        return MOMENTS[name]
    raise not_understood(f"Searching by {name[:100]} is not supported")
