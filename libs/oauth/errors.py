"""The protocol's errors: one class per RFC code, each knowing its status and how it may travel.

    OAuthError
    ├── InvalidRequest           400  invalid_request            RFC 6749 §5.2, §4.1.2.1
    ├── InvalidClient            401  invalid_client             RFC 6749 §5.2
    ├── InvalidGrant             400  invalid_grant              RFC 6749 §5.2
    ├── UnauthorizedClient       400  unauthorized_client        RFC 6749 §5.2, §4.1.2.1
    ├── UnsupportedGrantType     400  unsupported_grant_type     RFC 6749 §5.2
    ├── InvalidScope             400  invalid_scope              RFC 6749 §5.2, §4.1.2.1
    ├── InvalidTarget            400  invalid_target             RFC 8707 §2
    ├── AccessDenied             403  access_denied              RFC 6749 §4.1.2.1
    ├── TooManyRequests          429  too_many_requests          Auth0; RFC 6585 §4
    ├── ServerError              500  server_error               RFC 6749 §4.1.2.1
    ├── TemporarilyUnavailable   503  temporarily_unavailable    RFC 6749 §4.1.2.1
    ├── InvalidToken             401  invalid_token              RFC 6750 §3.1
    ├── InsufficientScope        403  insufficient_scope         RFC 6750 §3.1
    ├── UnsupportedResponseType  400  unsupported_response_type  RFC 6749 §4.1.2.1
    ├── RequestNotSupported      400  request_not_supported      OpenID Connect Core §3.1.2.6
    ├── RequestUriNotSupported   400  request_uri_not_supported  OpenID Connect Core §3.1.2.6
    ├── RegistrationNotSupported 400  registration_not_supported OpenID Connect Core §3.1.2.6
    ├── LoginRequired            400  login_required             OpenID Connect Core §3.1.2.6
    ├── ConsentRequired          400  consent_required           OpenID Connect Core §3.1.2.6
    └── InteractionRequired      400  interaction_required       OpenID Connect Core §3.1.2.6

A *reason* is a subclass beside its rule: `class CodeExpired(InvalidGrant)`. The client sees the code and the sentence,
which is the reason's `description` or else the first line of its docstring; the log sees the reason's class name.
"""

import re
from enum import Flag, auto
from typing import ClassVar


class Travel(Flag):
    """The ways an error may reach the client: in a JSON body, or as parameters of a redirect."""

    JSON = auto()
    REDIRECT = auto()


# error_description = %x20-21 / %x23-5B / %x5D-7E (RFC 6749 §5.2): no quotes, no backslash, ASCII only.
_UNSPEAKABLE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


def speakable(sentence: str) -> str:
    """Return the sentence in the characters `error_description` allows; quotes become apostrophes."""
    return _UNSPEAKABLE.sub("?", sentence.replace('"', "'").replace("§", "section "))


class OAuthError(Exception):
    """An answer of the protocol that is not the wished one."""

    code: ClassVar[str]
    status: ClassVar[int]
    travels: ClassVar[Travel] = Travel.JSON
    #: A reticent class says the same sentence for all its reasons, so that nobody learns which one it was.
    is_reticent: ClassVar[bool] = False
    description: str

    def __init_subclass__(cls) -> None:
        """Let a reason's docstring speak when it brings no `description` of its own."""
        super().__init_subclass__()
        if "description" not in cls.__dict__ and cls.__doc__ and not cls.is_reticent:
            cls.description = cls.__doc__.strip().partition("\n")[0]

    def __init__(self, description: str | None = None) -> None:
        if description is not None and not self.is_reticent:
            self.description = description
        super().__init__(description or self.description)

    @property
    def reason(self) -> str:
        """The class's name: what the log is told."""
        return type(self).__name__

    def body(self) -> dict[str, str]:
        """Return the error's JSON members (RFC 6749 §5.2)."""
        return {"error": self.code, "error_description": speakable(self.description)}


class InvalidRequest(OAuthError):
    """A parameter is missing, repeated, malformed, or two ways of authentication were used."""

    code = "invalid_request"
    status = 400
    travels = Travel.JSON | Travel.REDIRECT
    description = "The request is malformed."


class InvalidClient(OAuthError):
    """The client was not authenticated; the sentence never says why (and Auth0's SDKs compare it)."""

    code = "invalid_client"
    status = 401
    is_reticent = True
    description = "Unauthorized"


class InvalidGrant(OAuthError):
    """The code, refresh token or assertion is not good, or not this client's."""

    code = "invalid_grant"
    status = 400
    description = "The grant is invalid, expired or revoked."


class UnauthorizedClient(OAuthError):
    """The authenticated client may not use this grant type."""

    code = "unauthorized_client"
    status = 400
    travels = Travel.JSON | Travel.REDIRECT
    description = "The client may not use this grant type."


class UnsupportedGrantType(OAuthError):
    """The server does not know this grant type."""

    code = "unsupported_grant_type"
    status = 400
    description = "Unsupported grant type."


class InvalidScope(OAuthError):
    """The scope is malformed, unknown, or beyond what was granted."""

    code = "invalid_scope"
    status = 400
    travels = Travel.JSON | Travel.REDIRECT
    description = "The requested scope is invalid."


class InvalidTarget(OAuthError):
    """The resource or audience is unknown, malformed, or not this client's (RFC 8707 §2)."""

    code = "invalid_target"
    status = 400
    travels = Travel.JSON | Travel.REDIRECT
    description = "The requested resource is invalid."


class AccessDenied(OAuthError):
    """The person or the server's policy said no."""

    code = "access_denied"
    status = 403
    travels = Travel.JSON | Travel.REDIRECT
    description = "Access denied."


class _TryAgainLater(OAuthError):
    """An error that says when to come back."""

    code = "temporarily_unavailable"
    status = 503
    description = "Try again later."

    def __init__(self, description: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(description)
        self.retry_after = retry_after


class TooManyRequests(_TryAgainLater):
    """The client or its address is over its limit; `retry_after` is in seconds."""

    code = "too_many_requests"
    status = 429
    description = "Too many requests."


class ServerError(OAuthError):
    """Something broke on our side; the client is told nothing else."""

    code = "server_error"
    status = 500
    travels = Travel.JSON | Travel.REDIRECT
    is_reticent = True
    description = "The server met an unexpected condition."


class TemporarilyUnavailable(_TryAgainLater):
    """Something we need is away or full; `retry_after` is in seconds."""

    code = "temporarily_unavailable"
    status = 503
    travels = Travel.JSON | Travel.REDIRECT
    description = "The server is temporarily unavailable."


class InvalidToken(OAuthError):
    """The access token is expired, revoked, malformed, or not for this resource (RFC 6750 §3.1)."""

    code = "invalid_token"
    status = 401
    description = "Invalid token"


class InsufficientScope(OAuthError):
    """The access token is good but not enough (RFC 6750 §3.1)."""

    code = "insufficient_scope"
    status = 403
    description = "Insufficient scope"


class UnsupportedResponseType(OAuthError):
    """The server does not answer an authorization request in this way (RFC 6749 §4.1.2.1)."""

    code = "unsupported_response_type"
    status = 400
    travels = Travel.REDIRECT
    description = "Unsupported response type."


class RequestNotSupported(OAuthError):
    """The `request` parameter is not understood, and never silently ignored (OpenID Connect Core §6)."""

    code = "request_not_supported"
    status = 400
    travels = Travel.REDIRECT
    description = "The request parameter is not supported."


class RequestUriNotSupported(OAuthError):
    """The `request_uri` parameter is not understood, and never silently ignored (OpenID Connect Core §6)."""

    code = "request_uri_not_supported"
    status = 400
    travels = Travel.REDIRECT
    description = "The request_uri parameter is not supported."


class RegistrationNotSupported(OAuthError):
    """The `registration` parameter is not understood, and never silently ignored (OpenID Connect Core §7.2.1)."""

    code = "registration_not_supported"
    status = 400
    travels = Travel.REDIRECT
    description = "The registration parameter is not supported."


class LoginRequired(OAuthError):
    """Nobody is signed in, and the request wants nobody to be asked (Auth0's SDKs compare code and sentence)."""

    code = "login_required"
    status = 400
    travels = Travel.REDIRECT
    description = "Login required"


class ConsentRequired(OAuthError):
    """The person was not asked yet, and the request wants nobody to be asked."""

    code = "consent_required"
    status = 400
    travels = Travel.REDIRECT
    description = "Consent required"


class InteractionRequired(OAuthError):
    """Something must be shown, and the request wants nothing to be shown."""

    code = "interaction_required"
    status = 400
    travels = Travel.REDIRECT
    description = "Interaction required"
