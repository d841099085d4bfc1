"""What an authorization server says about itself: the metadata document's words (RFC 8414 §2, OpenID Discovery §3)."""

from typing import Any
from urllib.parse import urlsplit

import msgspec


class AuthorizationServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of one tenant's server; what stays `None` or empty is left out of the document.

    `issuer` is compared byte by byte by every client: `<scheme>://<domain>/`, with the slash.
    """

    issuer: str
    token_endpoint: str | None = None
    jwks_uri: str | None = None
    authorization_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    introspection_endpoint: str | None = None
    revocation_endpoint: str | None = None
    registration_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    pushed_authorization_request_endpoint: str | None = None
    end_session_endpoint: str | None = None
    grant_types_supported: tuple[str, ...] = ()
    response_modes_supported: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    claims_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ()
    id_token_signing_alg_values_supported: tuple[str, ...] = ()
    subject_types_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] = ()
    response_types_supported: tuple[str, ...] = ()
    revocation_endpoint_auth_methods_supported: tuple[str, ...] = ()
    revocation_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ()
    acr_values_supported: tuple[str, ...] = ()
    prompt_values_supported: tuple[str, ...] = ()
    claim_types_supported: tuple[str, ...] = ()
    claims_parameter_supported: bool | None = None
    request_parameter_supported: bool | None = None
    request_uri_parameter_supported: bool | None = None
    authorization_response_iss_parameter_supported: bool | None = None
    backchannel_logout_supported: bool | None = None
    backchannel_logout_session_supported: bool | None = None

    def __post_init__(self) -> None:
        """Refuse an issuer that RFC 8414 §2 forbids: it is our own mistake, so a `ValueError`."""
        url = urlsplit(self.issuer)
        if url.scheme not in {"https", "http"} or not url.netloc or url.query or url.fragment:
            raise ValueError(f"not an issuer: {self.issuer}")

    def document(self) -> dict[str, Any]:
        """Return the JSON object; `response_types_supported` is required even when nothing is (RFC 8414 §2)."""
        return {"response_types_supported": [], **msgspec.to_builtins(self)}
