from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.edge.wire import MalformedMessage, Reply, Request, decode_reply, decode_request, encode


def test_a_request_and_a_reply_arrive_as_they_were_sent(request_of: Callable[..., Request]) -> None:
    request = request_of("POST", "/oauth/token", headers=[("a", "1"), ("a", "2")], body=b"\0\xff")
    assert decode_request(encode(request)) == request
    reply = Reply(1, 200, [("content-type", "text/plain")], b"hello")
    assert decode_reply(encode(reply)) == reply


def test_the_version_comes_first_and_the_order_is_for_ever(request_of: Callable[..., Request]) -> None:
    fields = msgspec.msgpack.decode(encode(request_of("GET", "/x", query="a=b")))
    assert fields[:6] == [1, "GET", "https", "a.example", "/x", "a=b"]
    assert len(fields) == 14


def test_fields_appended_by_a_newer_side_are_ignored(request_of: Callable[..., Request]) -> None:
    fields = msgspec.msgpack.decode(encode(request_of()))
    assert decode_request(msgspec.msgpack.encode([*fields, "new", {"more": 1}])) == request_of()
    assert decode_reply(msgspec.msgpack.encode([1, 204, [], b"", "new"])) == Reply(1, 204, [], b"")


def test_another_version_is_refused(request_of: Callable[..., Request]) -> None:
    fields = msgspec.msgpack.decode(encode(request_of()))
    with pytest.raises(MalformedMessage):
        decode_request(msgspec.msgpack.encode([2, *fields[1:]]))
    with pytest.raises(MalformedMessage):
        decode_reply(msgspec.msgpack.encode([2, 204, [], b""]))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(payload: bytes) -> None:
    for decode in (decode_request, decode_reply):
        try:
            decode(payload)
        except MalformedMessage:
            continue
