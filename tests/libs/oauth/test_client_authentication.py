from base64 import b64encode
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.client_authentication import (
    JWT_BEARER,
    Assertion,
    Basic,
    ClientAuthentication,
    Post,
    Public,
    read,
)
from libs.oauth.errors import InvalidClient, InvalidRequest, OAuthError
from libs.oauth.parameters import Parameters


def basic(text: str) -> list[tuple[str, str]]:
    return [("authorization", "Basic " + b64encode(text.encode()).decode())]


def said(headers: list[tuple[str, str]], **parameters: str) -> ClientAuthentication:
    return read(headers, Parameters(parameters))


def test_each_method_is_recognised() -> None:
    assert said(basic("a:s")) == Basic("a", "s")
    assert said([], client_id="a", client_secret="s") == Post("a", "s")
    assert said([], client_id="a") == Public("a")
    assert said([], client_assertion="x.y.z", client_assertion_type=JWT_BEARER) == Assertion(None, "x.y.z")
    assert said([], client_id="a", client_assertion="x", client_assertion_type=JWT_BEARER) == Assertion("a", "x")


def test_basic_with_the_same_client_id_in_the_body_is_fine() -> None:
    assert said(basic("a:s"), client_id="a") == Basic("a", "s")


def test_basic_credentials_are_form_decoded_after_they_are_split() -> None:
    assert said(basic("a%3Ab:s%20%2B+c:d")) == Basic("a:b", "s + c:d")


@pytest.mark.security("TE-05")
@pytest.mark.parametrize(
    ("headers", "parameters"),
    [
        (basic("a:s"), {"client_id": "a", "client_secret": "s"}),
        (basic("a:s"), {"client_secret": "s"}),
        (basic("a:s"), {"client_id": "b"}),
        (basic("a:s") + basic("a:s"), {}),
        ([], {"client_id": "a", "client_assertion": "x"}),
        ([], {"client_id": "a", "client_assertion_type": JWT_BEARER}),
        ([], {"client_id": "a", "client_assertion": "x", "client_assertion_type": "saml2-bearer"}),
        ([], {"client_id": "a", "client_secret": "s", "client_assertion_type": JWT_BEARER}),
    ],
)
def test_two_methods_at_once_or_in_contradiction_are_an_invalid_request(
    headers: list[tuple[str, str]], parameters: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest):
        said(headers, **parameters)


@pytest.mark.security("TE-06")
@pytest.mark.parametrize("headers", [basic("a:s"), []])
def test_an_assertion_gains_nothing_from_a_secret_beside_it(headers: list[tuple[str, str]]) -> None:
    secret = {} if headers else {"client_secret": "s"}
    with pytest.raises(InvalidClient):
        said(headers, client_id="a", client_assertion="x.y.", client_assertion_type=JWT_BEARER, **secret)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic",
        "Basic ",
        "Bearer abc",
        "Digest x",
        "Basic YTpz!",
        "Basic YTpz\t",
        "Basic YTp",
        "Basic YTpzMQ",
        "Basic YTpzMR==",
        "Basic YTpzMQ===",
        "Basic YTpzMQ==YTpz",
        "Basic " + b64encode(b"no-colon").decode(),
        "Basic " + b64encode(b":s").decode(),
        "Basic " + b64encode(b"a:%").decode(),
        "Basic " + b64encode(b"a:%ff").decode(),
        "Basic " + b64encode(b"a:\xff").decode(),
        "Basic " + b64encode(b"a:%00").decode(),
        "Basic " + b64encode(b"a\n:s").decode(),
    ],
)
def test_an_authorization_header_that_is_not_strictly_basic_is_an_invalid_client(value: str) -> None:
    with pytest.raises(InvalidClient):
        said([("authorization", value)], client_id="a")


def test_the_scheme_is_case_insensitive() -> None:
    assert said([("authorization", "bASIC " + b64encode(b"a:s").decode())]) == Basic("a", "s")


def test_a_request_that_names_no_client_is_an_invalid_client() -> None:
    with pytest.raises(InvalidClient):
        said([])
    with pytest.raises(InvalidClient):
        said([], client_secret="s")


def test_secrets_are_not_in_the_repr() -> None:
    for each in (Basic("a", "s3cret"), Post("a", "s3cret"), Assertion("a", "s3cret")):
        assert "s3cret" not in repr(each)


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cc", "Cs"])),
)
def test_every_id_and_secret_arrives_as_it_was_sent(client_id: str, secret: str) -> None:
    assert said(basic(f"{quote_plus(client_id)}:{quote_plus(secret)}")) == Basic(client_id, secret)


@pytest.mark.security("FZ-03")
@given(st.text() | st.binary().map(lambda raw: "Basic " + b64encode(raw).decode()))
def test_any_header_is_read_or_refused_with_the_declared_errors(value: str) -> None:
    try:
        said([("authorization", value)])
    except OAuthError:
        return
