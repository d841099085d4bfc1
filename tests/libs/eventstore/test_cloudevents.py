"""CloudEvents 1.0 in NATS's binary mode, as the specification and its binding say."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from libs.eventstore.cloudevents import encoded, identity, message, structured
from libs.eventstore.envelope import Actor, Context, meta
from libs.runtime.ids import uuid7

AT = datetime(2026, 11, 26, 12, 30, 1, 5, tzinfo=UTC)


def row(context: Context = Context(), **more: Any) -> dict[str, Any]:  # noqa: B008 - it is frozen
    return {
        "pos": 7,
        "tenant": "acme",
        "id": uuid7(),
        "type": "client.secret_rotated",
        "v": 1,
        "entity": "AbC",
        "source": "token",
        "data": '{"client_id":"AbC"}',
        "meta": meta(context, AT),
        "at": AT,
        **more,
    }


def test_the_required_attributes_are_there_and_the_data_is_the_payload() -> None:
    given = row()
    made = message(given, 3)
    assert made.subject == "auth.v1.acme.client.AbC.secret_rotated"
    assert made.payload == b'{"client_id":"AbC"}'
    assert made.headers == {
        "ce-specversion": "1.0",
        "ce-id": str(given["id"]),
        "ce-source": "urn:limen:token",
        "ce-type": "auth.v1.client.secret_rotated",
        "ce-subject": "client/AbC",
        "ce-time": "2026-11-26T12:30:01.000005Z",
        "ce-sequence": "7",
        "ce-sequencetype": "Integer",
        "ce-epoch": "3",
        "ce-tenant": "acme",
        "ce-dataversion": "1",
        "content-type": "application/json",
    }
    assert identity(made.headers) == (given["id"], 3)


def test_names_of_attributes_are_lower_case_letters_and_digits() -> None:
    context = Context(
        actor=Actor("client", "x"), request_id="r", correlation_id="c", trace="00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    )
    headers = message(row(context), 1).headers
    attributes = {name.removeprefix("ce-") for name in headers} - {"content-type"}
    assert {"actor", "requestid", "correlationid", "traceparent"} <= attributes
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in attributes)


@given(st.text(max_size=40))
def test_any_value_is_one_line_of_printable_ascii_and_reads_back(value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    said = encoded(value)
    assert re.fullmatch(r"[\x20-\x7e]*", said)
    assert '"' not in said
    assert unquote(said) == value


def test_an_event_is_one_json_object_when_it_is_saved() -> None:
    context = Context(actor=Actor("operator", "ä"), trace="t")
    made = message(row(context), 1)
    saved = json.loads(structured(made.headers, made.payload))
    assert saved["actor"] == "operator/ä"
    assert saved["traceparent"] == "t"
    assert saved["data"] == {"client_id": "AbC"}
    assert saved["specversion"] == "1.0"
