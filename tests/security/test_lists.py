"""Lists of the Management API under attack: cursors nobody was given, filters that speak the database's language."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest

from libs.edge import Route
from libs.edge.operation import Listing, Parameter
from libs.edge.schema import Array, Text
from tests.security.client import Client
from tests.security.management import LISTS, named, path_of, plausible

PAGED: Final = [
    route
    for route in LISTS
    if route.operation
    and isinstance(route.operation.answer, Listing)
    and route.operation.answer.has_checkpoints
    and any(each.name == "from" for each in route.operation.query)
]
"""Those that are walked by a cursor that was given; the log is walked by the names of its entries."""
SEARCHABLE: Final = [
    (route, each)
    for route in LISTS
    for each in (route.operation.query if route.operation else ())
    if isinstance(each.kind, Text | Array) and each.name not in {"from", "fields"}
]

HOSTILE: Final = (
    *("'", "' OR '1'='1", "'; DROP TABLE clients; --", '" OR ""="', "$1", "$$", "1) OR (1=1", "E'\\x41'", "\\", "NULL"),
    *("%", "_", "%%", "*", "?", "a%", "[a-z]*", "~", ".*"),
    *(
        "name:*",
        "*:*",
        "a OR b",
        "NOT a",
        "(",
        "[* TO *]",
        'name:"',
        "a AND (b",
        "_exists_:name",
        "client_id:/.*/",
        "name~2",
    ),
    *(
        "{}",
        '{"$ne": null}',
        "[]",
        "{{7*7}}",
        "${7*7}",
        "\u202e",
        "\ufeff",
        "\U0001f511",
        "\u017f",
        "\u0130",
        "a" * 600,
        "-1",
        "1e400",
    ),
    *("client_id:1,name:1", "name:1", "name:-1 --", "name;", "(select 1)", "pg_sleep(5):1", "name:1:1", "tenant:1"),
)

MATCHING: Final = {"*", "*:*", "name:*", "_exists_:name", "NOT a"}
"""Of these, what a search by `q` may rightly find something by: the language says so."""


def longest_page(route: Route) -> str:
    """The query for as much of a list as there may be at once."""
    has_offsets = route.operation and any(each.name == "per_page" for each in route.operation.query)
    return "per_page=100" if has_offsets else "take=100"


def at(path: str, query: str) -> str:
    """A path with a further query, behind that without which it is no question."""
    return f"{path}{'&' if '?' in path else '?'}{query}"


def items(answer: Any) -> list[Any]:
    body = answer.json()
    return body if isinstance(body, list) else next(value for value in body.values() if isinstance(value, list))


@pytest.mark.security("AD-06", "DS-05")
@pytest.mark.parametrize(("route", "parameter"), SEARCHABLE, ids=lambda each: getattr(each, "name", ""))
def test_a_filter_is_a_value_and_nothing_else(
    client: Client, mine: dict[str, str], route: Route, parameter: Parameter
) -> None:
    token = client.management_token()
    path = path_of(route, mine)
    every = {str(each) for each in items(client.manage("GET", at(path, longest_page(route)), token=token))}
    for value in HOSTILE:
        answer = client.manage("GET", at(path, f"{parameter.name}={quote(value)}"), token=token)
        assert answer.status_code in {200, 400}, (value, answer.text)
        assert answer.elapsed.total_seconds() < 2, value
        may_match = parameter.name == "sort" or (parameter.name == "q" and value in MATCHING)
        if answer.status_code == 200 and not may_match:
            assert items(answer) == [], value
        elif answer.status_code == 200:
            assert {str(each) for each in items(answer)} <= every, value


@pytest.mark.security("AD-06")
@pytest.mark.parametrize("route", LISTS, ids=named)
def test_fields_are_names_of_members_and_nothing_else(client: Client, mine: dict[str, str], route: Route) -> None:
    token, path = client.management_token(), path_of(route, mine)
    for value in (*HOSTILE, "__class__", "tenant,,", "client_secret,wrapped,sha256"):
        answer = client.manage("GET", at(path, f"fields={quote(value)}"), token=token)
        assert answer.status_code in {200, 400}, (value, answer.text)
        if answer.status_code == 200:
            assert not [each for each in items(answer) if set(each) - {"tenant"}], value


@pytest.mark.security("AD-06")
@pytest.mark.parametrize("route", LISTS, ids=named)
def test_parameters_nobody_declared_are_refused(client: Client, mine: dict[str, str], route: Route) -> None:
    token, path = client.management_token(), path_of(route, mine)
    for query in (
        "where=1",
        "filter=a",
        "per_page=1;drop",
        "page=1&page=2",
        "order=name",
        "tenant=default",
        "_method=DELETE",
    ):
        assert client.manage("GET", at(path, query), token=token).status_code == 400, query
    for query in (
        "per_page=-1",
        "per_page=101",
        "page=1000001",
        "per_page=1e3",
        "per_page=%D9%A3",
        "page=0x1",
        "take=0",
    ):
        assert client.manage("GET", at(path, query), token=token).status_code == 400, query
    for query in ("a=%zz", "a=%ff", "a=%00", "&" * 200, "a[]=1", "fields[$ne]=x"):
        assert client.manage("GET", at(path, query), token=token).status_code == 400, query


def forged(cursor: str) -> Iterator[str]:
    """Cursors that are not the one that was given."""
    key, content, mac = cursor.split(".")
    yield from (
        "x",
        "../..",
        "a.b.c",
        "' OR 1=1--",
        "%",
        "..",
        "é",
        "x" * 3000,
        cursor[:-1],
        cursor[1:],
        cursor + "A",
        cursor + "=",
    )
    yield from (
        cursor.swapcase(),
        f".{content}.{mac}",
        f"{key}..{mac}",
        f"{key}.{content}.",
        f"{key}.{content}.{mac[::-1]}",
    )
    yield from (
        f"{key}.{content[:-2]}AA.{mac}",
        f"{key}.{content}A.{mac}",
        f"{mac}.{content}.{key}",
        f"{cursor},{cursor}",
        f" {cursor}",
    )


def first_cursor(client: Client, route: Route, ids: dict[str, str]) -> str | None:
    following: str | None = client.manage("GET", at(path_of(route, ids), "take=1")).json().get("next")
    return following


@pytest.mark.security("AD-06")
@pytest.mark.parametrize("route", PAGED, ids=named)
def test_a_cursor_is_good_only_as_it_was_given_where_it_was_given(
    client: Client, other: Client, mine: dict[str, str], theirs: dict[str, str], route: Route
) -> None:
    client.machine("one more")
    token, path = client.management_token(), path_of(route, mine)
    cursors = {each.template: first_cursor(client, each, mine) for each in PAGED}
    given = cursors[route.template] or cursors["/api/v2/clients"]
    assert given is not None
    foreign = [cursor for template, cursor in cursors.items() if cursor and template != route.template]
    for cursor in (*forged(given), *foreign, first_cursor(other, route, theirs) or "a.b.c"):
        answer = client.manage("GET", at(path, f"take=1&from={quote(cursor)}"), token=token)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string"), cursor
    assert other.manage("GET", at(path_of(route, theirs), f"take=1&from={given}")).status_code == 400
    filters = [(each.name, plausible(each.kind)) for at, each in SEARCHABLE if at is route]
    for name, value in filters:
        text = value[0] if isinstance(value, list) else value
        assert client.manage("GET", at(path, f"take=1&from={given}&{name}={text}"), token=token).status_code == 400, (
            name
        )


@pytest.mark.security("AD-06", "AD-02")
def test_a_walk_through_the_log_begins_behind_an_entry_of_the_tenant_alone(
    client: Client, mine: dict[str, str], theirs: dict[str, str]
) -> None:
    token, given = client.management_token(), mine["logs"]
    assert theirs["logs"] not in client.manage("GET", "logs?take=100", token=token).text
    assert client.manage("GET", f"logs?from={given}", token=token).status_code == 200
    for log_id in (theirs["logs"], given[:-1], f"{given}0", f" {given}", "9" * len(given), "0" * len(given), *HOSTILE):
        answer = client.manage("GET", f"logs?from={quote(log_id)}", token=token)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string"), log_id
