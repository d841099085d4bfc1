"""How a client says who it is at the token endpoint: the words of RFC 6749 §2.3 and RFC 7521 §4.2, not their proof."""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from libs.oauth.errors import InvalidClient, InvalidRequest
from libs.oauth.parameters import Parameters

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: The parameters of the body that take part.
PARAMETERS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class TwoClientAuthentications(InvalidRequest):
    """The client must use one authentication method, once."""


class SecretBesideAssertion(InvalidClient):
    """A secret and an assertion together: a forged assertion must gain nothing from a secret that is right.

    RFC 6749 section 2.3 forbids both at once; the request is answered as an authentication that failed, because an
    assertion was claimed and nobody proved it.
    """


class ClientContradicted(InvalidRequest):
    """The client_id in the body is not the authenticated one."""


class WrongAssertionType(InvalidRequest):
    """The client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer."""


class MalformedAuthorization(InvalidClient):
    """The Authorization header is no Basic credential of RFC 6749 §2.3.1."""


class NoClient(InvalidClient):
    """The request names no client at all."""


@dataclass(frozen=True, slots=True)
class Basic:
    """`client_secret_basic`: id and secret in the Authorization header."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """`client_secret_post`: id and secret in the body."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Assertion:
    """`private_key_jwt`: a signed JWT in the body, unverified as yet; `client_id` is optional (RFC 7521 §4.2)."""

    client_id: str | None
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Public:
    """`none`: the client only says its id."""

    client_id: str


ClientAuthentication = Basic | Post | Assertion | Public


def uses_authorization(headers: Iterable[tuple[str, str]]) -> bool:
    """Tell whether the client tried the Authorization header, and so is answered with a challenge (RFC 6749 §5.2)."""
    return any(name == "authorization" for name, _ in headers)


def read(headers: Iterable[tuple[str, str]], parameters: Parameters) -> ClientAuthentication:
    """Return the one way in which the request says who its client is.

    Raises:
        InvalidRequest: two ways at once, or ways that contradict each other.
        InvalidClient: no way at all, or an Authorization header that is not Basic.
    """
    basic = _from_authorization([value for name, value in headers if name == "authorization"])
    if basic is None:
        return _from_body(parameters)
    if "client_assertion" in parameters or "client_assertion_type" in parameters:
        raise SecretBesideAssertion
    if "client_secret" in parameters:
        raise TwoClientAuthentications
    # Auth0's SDKs always send client_id in the body too; equal is fine.
    if parameters.get("client_id", basic.client_id) != basic.client_id:
        raise ClientContradicted
    return basic


def _from_body(parameters: Parameters) -> Post | Assertion | Public:
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    assertion = _assertion(parameters)
    if assertion is not None and secret is not None:
        raise SecretBesideAssertion
    if assertion is not None:
        return Assertion(client_id, assertion)
    if client_id is None:
        raise NoClient
    return Public(client_id) if secret is None else Post(client_id, secret)


def _assertion(parameters: Parameters) -> str | None:
    token, kind = parameters.get("client_assertion"), parameters.get("client_assertion_type")
    if token is None and kind is None:
        return None
    if token is None or kind != JWT_BEARER:
        raise WrongAssertionType
    return token


def _from_authorization(values: list[str]) -> Basic | None:
    if not values:
        return None
    if len(values) > 1:
        raise TwoClientAuthentications
    scheme, _, credentials = values[0].partition(" ")
    if scheme.lower() != "basic":
        raise MalformedAuthorization
    client_id, colon, secret = _user_pass(credentials.strip(" ")).partition(":")
    if not (client_id and colon):
        raise MalformedAuthorization
    return Basic(_form_decoded(client_id), _form_decoded(secret))


def _user_pass(credentials: str) -> str:
    # The decoder forgives padding and trailing bits that another would not; encoding again shows it (RFC 4648 §3.5).
    try:
        decoded = b64decode(credentials, validate=True)
        if b64encode(decoded).decode() != credentials:
            raise MalformedAuthorization
        return decoded.decode()
    except (binascii.Error, ValueError) as error:
        raise MalformedAuthorization from error


def _form_decoded(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise MalformedAuthorization
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        raise MalformedAuthorization from error
    if _CONTROL.search(decoded):
        raise MalformedAuthorization
    return decoded
