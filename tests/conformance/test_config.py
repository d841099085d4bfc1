"""The plan `oidcc-config` of the OpenID Foundation: its one module, check by check."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conformance.conftest import MakeParty
from tests.relying_party import Application, RelyingParty
from tests.stack import Stack


@pytest.fixture
def rp(party: MakeParty, first_client: Application) -> RelyingParty:
    return party(first_client)


@pytest.fixture
def metadata(rp: RelyingParty) -> dict[str, Any]:
    return rp.metadata


def test_discovery_is_json_below_the_issuer(rp: RelyingParty, metadata: dict[str, Any], provider: Stack) -> None:
    answer = rp.http.get(f"{provider.issuer}.well-known/openid-configuration")
    assert answer.headers["content-type"].startswith("application/json")
    assert metadata["issuer"] == provider.issuer
    assert provider.issuer.startswith("https://")


def test_what_is_supported_holds_what_openid_demands(metadata: dict[str, Any]) -> None:
    assert "code" in metadata["response_types_supported"]
    assert set(metadata["subject_types_supported"]) & {"public", "pairwise"}
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert "openid" in metadata["scopes_supported"]
    assert "sub" in metadata["claims_supported"]
    assert {"authorization_code", "refresh_token"} <= set(metadata["grant_types_supported"])


def test_lists_are_lists_of_words(metadata: dict[str, Any]) -> None:
    for name, value in metadata.items():
        if name.endswith(("_supported", "_values")) and not isinstance(value, bool):
            assert isinstance(value, list), name
            assert all(isinstance(each, str) for each in value), name
            assert value, f"{name} is empty"


@pytest.mark.security("PK-08")
def test_only_s256_is_offered_for_pkce(metadata: dict[str, Any]) -> None:
    assert metadata["code_challenge_methods_supported"] == ["S256"]


def test_every_endpoint_is_https(metadata: dict[str, Any]) -> None:
    places = [name for name in metadata if name.endswith(("_endpoint", "_uri"))]
    assert {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} <= set(places)
    for name in places:
        assert urlsplit(metadata[name]).scheme == "https", name


def test_where_assertions_authenticate_their_algorithms_are_named(metadata: dict[str, Any]) -> None:
    for endpoint in ("token_endpoint", "revocation_endpoint"):
        assert "private_key_jwt" in metadata[f"{endpoint}_auth_methods_supported"]
        assert "RS256" in metadata[f"{endpoint}_auth_signing_alg_values_supported"], "RFC 8414 section 2"


def test_what_is_not_supported_is_said_so(metadata: dict[str, Any]) -> None:
    assert metadata.get("request_parameter_supported", False) is False
    assert metadata["request_uri_parameter_supported"] is False, "absent would mean true"
    assert metadata["claims_parameter_supported"] is True
    assert {"query", "fragment", "form_post"} <= set(metadata["response_modes_supported"])
    assert metadata["authorization_response_iss_parameter_supported"] is True


def test_published_keys_are_public_and_asymmetric(rp: RelyingParty, metadata: dict[str, Any]) -> None:
    keys = rp.http.get(metadata["jwks_uri"]).json()["keys"]
    assert keys
    for key in keys:
        assert key["kty"] != "oct"
        assert key["kid"]
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)


def test_logout_endpoints_are_told(metadata: dict[str, Any]) -> None:  # 2.4 1, 2.5 1 …discovery-endpoint-verification
    assert metadata["end_session_endpoint"]
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
