"""What a route of the Management API is told to take and to answer, as data.

The door checks the query string against it before the handler runs, and the OpenAPI page is made of it: so a parameter
cannot be taken and ignored, and the page cannot promise another one than is taken.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from libs.edge.management_errors import InvalidQuery
from libs.edge.paging import MAX_PAGE, MAX_PER_PAGE
from libs.edge.query import Query
from libs.edge.schema import Array, Boolean, Integer, Kind, Resource, Text
from libs.edge.validation import violation


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query string; a list is a parameter that may be sent several times."""

    name: str
    kind: Text | Integer | Boolean | Array
    description: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """An answer that is a page of `items`, in those of Auth0's three shapes that the list has; `key` names them."""

    key: str
    items: Kind | Resource
    has_offsets: bool = True
    has_checkpoints: bool = True


def line(longest: int) -> Text:
    """A text without control characters, which no query string may hold; one that is empty is not there."""
    return Text(max_length=longest, pattern=r"[^\x00-\x1f\x7f-\x9f]*")


PAGES: Final = (
    Parameter("page", Integer(minimum=0, maximum=MAX_PAGE), "Which page, from 0"),
    Parameter("per_page", Integer(minimum=0, maximum=MAX_PER_PAGE), "Items of a page, 50 when absent or 0"),
    Parameter("include_totals", Boolean(), "Whether the answer is wrapped and counts all items"),
)
CHECKPOINTS: Final = (
    Parameter("from", line(2048), "`next` of the page before"),
    Parameter("take", Integer(minimum=1, maximum=MAX_PER_PAGE), "Items of a page, 50 when absent"),
)
FIELDS: Final = (
    Parameter("fields", line(2048), "Names of members, parted by commas"),
    Parameter("include_fields", Boolean(), "Whether `fields` are those wanted or those left out"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one route takes and answers.

    Attributes:
        query: every parameter of the query string; another is refused.
        body: what the body may say: of a creation when the method is POST, else of a change.
        is_body_optional: whether there may be no body at all, or `null`.
        answer: what a success answers; `None` is an answer without a body.
        status: of a success.
        errors: the statuses of its own refusals, beside those of every route.
        identified_by: of a creation, the member of its answer by which the new thing is named in paths.
    """

    query: tuple[Parameter, ...] = ()
    body: Resource | None = None
    is_body_optional: bool = False
    answer: Kind | Resource | Listing | None = None
    status: int = HTTPStatus.OK
    errors: tuple[int, ...] = ()
    identified_by: str = ""

    def check(self, query: Query) -> None:
        """Refuse a query string that says what the operation does not take.

        Raises:
            InvalidQuery: an unknown parameter, one sent too often, or a value of another kind.
        """
        known = {each.name: each for each in self.query}
        for name in (*query, *sorted(query.empty)):
            if name not in known:
                raise InvalidQuery(f"Query validation error: 'Additional properties not allowed: {name[:100]}'.")
            if name in query.empty:
                _check_empty(known[name])
            if name in query:
                _check(known[name], query)


GONE: Final = Operation(status=HTTPStatus.NO_CONTENT)
"""Of a deletion."""


def _check_empty(parameter: Parameter) -> None:
    """An empty text is one; an empty number, truth or choice is none."""
    match parameter.kind:
        case Boolean():
            raise InvalidQuery.about(parameter.name, "Expected type boolean but found type string")
        case Integer():
            raise InvalidQuery.about(parameter.name, "Expected type integer but found type string")
        case Text(enum=enum) if enum:
            raise InvalidQuery.about(parameter.name, "No enum match for: ")
        case _:
            pass


def _check(parameter: Parameter, query: Query) -> None:
    name = parameter.name
    match parameter.kind:
        case Boolean():
            query.boolean(name)
        case Integer(minimum=minimum, maximum=maximum):
            query.integer(name, minimum=minimum, maximum=maximum)
        case Array() as kind:
            _refuse_violation(name, kind, query.texts(name))
        case Text() as kind:
            _refuse_violation(name, kind, query.text(name))


def _refuse_violation(name: str, kind: Kind, value: object) -> None:
    if (what := violation(kind, value)) is not None:
        raise InvalidQuery.about(name, what)
