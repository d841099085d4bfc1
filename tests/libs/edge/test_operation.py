import pytest

from libs.edge.management_errors import InvalidQuery
from libs.edge.operation import FIELDS, PAGES, Operation, Parameter
from libs.edge.query import Query
from libs.edge.schema import Array, Text

CHOICE = Parameter("kind", Text(enum=("a", "b")))
NAMES = Parameter("names", Array(Text(max_length=3), max_items=2))
OPERATION = Operation(query=(*PAGES, *FIELDS, CHOICE, NAMES))


@pytest.mark.parametrize(
    "query",
    ["", "page=0&per_page=100", "include_totals=false", "fields=a,b", "fields=", "kind=b", "names=a&names=b", "names="],
)
def test_what_is_declared_is_taken(query: str) -> None:
    OPERATION.check(Query.read(query))


@pytest.mark.security("AD-06")
@pytest.mark.parametrize(
    "query",
    [
        "sort=name:1",
        "sort=",
        "page=-1",
        "page=1.0",
        "page=",
        "page=&page=1",
        "per_page=101",
        "include_totals=yes",
        "include_totals=",
        "kind=c",
        "kind=",
        "kind=a&kind=b",
        "names=a&names=b&names=c",
        "names=long",
    ],
)
def test_what_is_not_declared_or_of_another_kind_is_refused(query: str) -> None:
    with pytest.raises(InvalidQuery):
        OPERATION.check(Query.read(query))
