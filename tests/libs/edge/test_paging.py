import pytest

from libs.edge import Query
from libs.edge.management_errors import InvalidQuery
from libs.edge.paging import CheckpointPage, Fields, OffsetPage, listing, requested


def test_without_parameters_a_bare_list_of_fifty_is_asked() -> None:
    assert requested(Query.read("")) == OffsetPage(0, 50, include_totals=False)


def test_offset_pages_are_bare_or_wrapped() -> None:
    page = requested(Query.read("page=2&per_page=10&include_totals=true"))
    assert isinstance(page, OffsetPage)
    assert page.start == 20
    assert page.answer("clients", [1], 21) == {"start": 20, "limit": 10, "total": 21, "clients": [1]}
    bare = requested(Query.read("page=2&per_page=10"))
    assert isinstance(bare, OffsetPage)
    assert bare.answer("clients", [1], 21) == [1]


def test_checkpoint_pages_have_next_until_the_last() -> None:
    page = requested(Query.read("take=5&from=abc"))
    assert page == CheckpointPage(5, "abc")
    assert page.answer("client_grants", [1], "def") == {"client_grants": [1], "next": "def"}
    assert page.answer("client_grants", [1], None) == {"client_grants": [1]}


def test_when_both_families_are_sent_the_checkpoint_wins() -> None:
    assert requested(Query.read("include_totals=true&take=50&page=0")) == CheckpointPage(50, None)
    assert isinstance(requested(Query.read("take=50"), has_checkpoints=False), OffsetPage)


@pytest.mark.parametrize(
    "raw",
    ["page=-1", "page=x", "per_page=101", "include_totals=yes", "take=0", "take=101", "page=1&page=2", "page=1.5"],
)
def test_a_page_that_cannot_be_is_an_invalid_query_string(raw: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        requested(Query.read(raw))
    assert caught.value.error_code == "invalid_query_string"


def test_pages_of_one_list_differ_in_their_places_alone() -> None:
    name = listing("/things", Query.read("from=x&take=5&fields=id&colour=red&colour=blue&size=1"))
    assert name == listing("/things", Query.read("size=1&colour=red&colour=blue&take=50"))
    others = ("size=1&colour=red", "colour=blue&colour=red&size=1", "size=1&colour=red%27%2C%20%27blue", "")
    names = {name, *(listing("/things", Query.read(each)) for each in others), listing("/others", Query.read(""))}
    assert len(names) == len(others) + 2


def test_fields_are_included_or_excluded() -> None:
    thing = {"id": 1, "name": "a", "secret": "s"}
    assert Fields.requested(Query.read("")).of(thing) == thing
    assert Fields.requested(Query.read("fields=id,name,none")).of(thing) == {"id": 1, "name": "a"}
    assert Fields.requested(Query.read("fields=secret&include_fields=false")).of(thing) == {"id": 1, "name": "a"}
    assert Fields.requested(Query.read("include_fields=false")).of(thing) == thing
