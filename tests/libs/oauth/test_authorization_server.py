import pytest

from libs.oauth.authorization_server import AuthorizationServer


def test_the_document_lists_what_is_given_and_nothing_else() -> None:
    server = AuthorizationServer(
        issuer="https://a.example/",
        token_endpoint="https://a.example/oauth/token",
        grant_types_supported=("client_credentials",),
    )
    assert server.document() == {
        "issuer": "https://a.example/",
        "token_endpoint": "https://a.example/oauth/token",
        "grant_types_supported": ("client_credentials",),
        "response_types_supported": [],
    }


@pytest.mark.parametrize(
    "issuer", ["a.example", "ftp://a.example/", "https://a.example/?x=1", "https://a.example/#x", "https:///"]
)
def test_an_issuer_that_the_rfc_forbids_is_our_own_mistake(issuer: str) -> None:
    with pytest.raises(ValueError, match="not an issuer"):
        AuthorizationServer(issuer=issuer)
