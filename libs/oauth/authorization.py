"""An authorization request: read once, checked in the order of a table, answered in one way.

RFC 6749 §4.1, OpenID Connect Core §3.

Client and redirect URI come before everything else, because whatever is wrong with *them* is told to nobody but the
person before the browser (`Untrusted`). All that is wrong after them goes back to the application (`OAuthError`).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

import msgspec

from libs.oauth.errors import (
    InvalidRequest,
    InvalidTarget,
    OAuthError,
    RegistrationNotSupported,
    RequestNotSupported,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from libs.oauth.scopes import Scopes
from libs.runtime.strict_json import MalformedJSON, loads

CODE: Final = "code"
ID_TOKEN: Final = "id_token"  # noqa: S105  # a response type
QUERY: Final = "query"
FRAGMENT: Final = "fragment"
FORM_POST: Final = "form_post"
WEB_MESSAGE: Final = "web_message"

GRANT_TYPE_OF: Final[Mapping[str, str]] = {CODE: "authorization_code", ID_TOKEN: "implicit"}
"""Which grant type an application must have for a response type."""

MODES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    CODE: (QUERY, FRAGMENT, FORM_POST, WEB_MESSAGE),
    ID_TOKEN: (FRAGMENT, FORM_POST, WEB_MESSAGE),
}
"""The response modes of a response type, its default first; a token never stands in a query."""

MAX_STATE: Final = 4096
MAX_VALUE: Final = 4096
MAX_PARAMETERS: Final = 100

CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""The base64url of a SHA-256 (RFC 7636 section 4.2)."""

_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::([0-9]{1,5}))?(/[^#]*)?")
_ORIGIN: Final = re.compile(r"([a-z][a-z0-9+.-]*://[^/?#]+)")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MOST_SECONDS: Final = 10
_MOST_PORT: Final = 65_535


class Untrusted(Exception):
    """The request cannot be answered to anybody but the person: there is no address that may be believed."""

    sentence: str = "The request is malformed."

    def __init__(self) -> None:
        super().__init__(self.sentence)


class NoSuchClient(Untrusted):
    """No application has this client_id."""

    sentence = "The application that sent you here is not known."


class RedirectUriRefused(Untrusted):
    """The redirect URI is none of those the application registered."""

    sentence = "The address to which you would be sent back is not registered for this application."


class RequestUnreadable(Untrusted):
    """The request is malformed, or too much."""

    sentence = "The request that brought you here is malformed."


class OriginRefused(Untrusted):
    """Messages to this origin are not allowed."""

    sentence = "The page that asks to be told is not one of this application's."


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked, checked; `state` is bytes, because what an application sent goes back as it was."""

    client_id: str
    redirect_uri: str
    response_type: str = CODE
    response_mode: str = QUERY
    scope: list[str] = []
    state: bytes | None = None
    nonce: str | None = None
    audience: str | None = None
    code_challenge: str | None = None
    prompt: list[str] = []
    max_age: int | None = None
    login_hint: str | None = None
    id_token_hint: str | None = None
    screen_hint: str | None = None
    connection: str | None = None
    ui_locales: str | None = None
    acr_values: str | None = None
    claims: dict[str, Any] | None = None
    display: str | None = None
    is_redirect_uri_implied: bool = False
    """It was not sent: `redirect_uri` is the only one that is registered."""

    @property
    def is_silent(self) -> bool:
        """Whether nobody may be asked anything (`prompt=none`)."""
        return "none" in self.prompt

    def wished(self, claim: str) -> Mapping[str, Any] | None:
        """How `claims` asks for a claim of the ID token (OpenID Connect Core §5.5.1); `None` if it does not."""
        place = (self.claims or {}).get("id_token")
        if not isinstance(place, dict) or claim not in place:
            return None
        return place[claim] if isinstance(place[claim], dict) else {}


@dataclass(frozen=True)
class Registered:
    """What an application registered, as far as an authorization request is measured by it."""

    client_id: str
    callbacks: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()
    is_native: bool = False
    is_public: bool = False


class Given:
    """The parameters as they were sent: the first of each, which were repeated, `state` as bytes."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self.values: dict[str, str] = {}
        self.repeated: set[str] = set()
        self.malformed: set[str] = set()
        self.resource: list[str] = []
        self.state: bytes | None = None
        seen: set[str] = set()
        for raw_name, value in pairs:
            name = raw_name.decode(errors="replace")
            if name == "resource":
                self._add_resource(value.decode(errors="replace"))
            elif name in seen:
                self.repeated.add(name)
            elif value:
                self._take(name, value)
            seen.add(name)

    def _add_resource(self, value: str) -> None:
        if _CONTROL.search(value):
            self.malformed.add("resource")
        elif value:
            self.resource.append(value)

    def _take(self, name: str, value: bytes) -> None:
        if name == "state":
            self.state = value
            return
        try:
            text = value.decode()
        except UnicodeDecodeError:
            self.malformed.add(name)
            return
        if _CONTROL.search(text) or len(text) > MAX_VALUE * (4 if name in {"id_token_hint", "claims"} else 1):
            self.malformed.add(name)
        self.values[name] = text

    def get(self, name: str) -> str | None:
        """The parameter; what was sent empty is not there."""
        return self.values.get(name)


def read(raw: str) -> Given:
    """Read a raw query string, or a form's body.

    Raises:
        RequestUnreadable: a broken escape, more than a hundred parameters, or a `state` over 4 kB.
    """
    fields = [field for field in raw.encode(errors="replace").split(b"&") if field]
    if len(fields) > MAX_PARAMETERS or any(map(_BAD_ESCAPE.search, fields)):
        raise RequestUnreadable
    given = Given((_decoded(name), _decoded(value)) for name, _, value in (each.partition(b"=") for each in fields))
    if given.state is not None and len(given.state) > MAX_STATE:
        raise RequestUnreadable
    return given


def _decoded(field: bytes) -> bytes:
    return unquote_to_bytes(field.replace(b"+", b" "))


def client_id_of(given: Given) -> str:
    """The one client_id of the request.

    Raises:
        NoSuchClient: there is none, or two.
    """
    client_id = given.get("client_id")
    if client_id is None or {"client_id"} & (given.repeated | given.malformed):
        raise NoSuchClient
    return client_id


def redirect_uri_of(given: Given, client: Registered) -> str:
    """Where the answer may go.

    Left out it is the only one that is registered, and never in an OpenID request (OIDC Core §3.1.2.1).

    Raises:
        RedirectUriRefused: it is missing, sent twice, or none that was registered.
    """
    if {"redirect_uri"} & (given.repeated | given.malformed):
        raise RedirectUriRefused
    asked = given.get("redirect_uri")
    if asked is None:
        if len(client.callbacks) != 1 or "openid" in (given.get("scope") or "").split(" "):
            raise RedirectUriRefused
        return client.callbacks[0]
    if not is_registered(asked, client.callbacks, is_native=client.is_native):
        raise RedirectUriRefused
    return asked


def is_registered(uri: str, registered: Sequence[str], *, is_native: bool) -> bool:
    """Whether the URI is one of them: compared as text (RFC 9700 §2.1), but for a native application's loopback port.

    RFC 8252 §7.3: the port is the operating system's choice at the moment of the request.
    """
    if "#" in uri:
        return False
    if uri in registered:
        return True
    portless = _without_port(uri) if is_native else None
    return portless is not None and any(_without_port(each) == portless for each in registered)


def _without_port(uri: str) -> str | None:
    found = _LOOPBACK.fullmatch(uri)
    if found is None or int(found[2] or 0) > _MOST_PORT:
        return None
    return found[1] + (found[3] or "")


def origin_of(uri: str) -> str:
    """Scheme, host and port of a URI."""
    found = _ORIGIN.match(uri)
    return found[1] if found else ""


# How an answer travels


def response_mode_of(given: Given) -> str:
    """The way the answer goes, for errors too: as asked where that can be, else the response type's own."""
    kinds = set((given.get("response_type") or CODE).split(" "))
    modes = (FRAGMENT, FORM_POST, WEB_MESSAGE) if kinds & {"token", ID_TOKEN} else MODES_OF[CODE]
    asked = given.get("response_mode")
    return asked if asked in modes and "response_mode" not in given.repeated else modes[0]


def check_origin(given: Given, redirect_uri: str, client: Registered) -> None:
    """A web message goes to the redirect URI's origin alone, and only if the application named that one.

    Raises:
        OriginRefused: it did not.
    """
    if response_mode_of(given) == WEB_MESSAGE and origin_of(redirect_uri) not in client.web_origins:
        raise OriginRefused


def location(redirect_uri: str, mode: str, answer: Mapping[str, str | bytes]) -> str:
    """The redirect URI with the answer in its query or fragment; a query it has stays as it is (RFC 6749 §3.1.2)."""
    added = "&".join(f"{name}={quote(value, safe='~')}" for name, value in answer.items())
    if mode == FRAGMENT:
        return f"{redirect_uri}#{added}"
    joint = "?" if "?" not in redirect_uri else "" if redirect_uri.endswith(("?", "&")) else "&"
    return f"{redirect_uri}{joint}{added}"


# The checks, in their order


def _repeated(given: Given, _client: Registered) -> None:
    if given.repeated:
        raise InvalidRequest(f"The parameter {min(given.repeated)} was sent more than once.")
    if len(given.resource) > 1:
        raise InvalidRequest("Only one resource can be asked for.")


def _malformed(given: Given, _client: Registered) -> None:
    if given.malformed & KNOWN:
        raise InvalidRequest(f"The parameter {min(given.malformed & KNOWN)} is malformed.")


def _target(given: Given, _client: Registered) -> None:
    audience = given.get("audience")
    if audience is not None and any(each != audience for each in given.resource):
        raise InvalidTarget("audience and resource name different APIs.")


def _unsupported(given: Given, _client: Registered) -> None:
    if given.get("organization") is not None:
        raise InvalidRequest("organizations are not supported")
    for name, refusal in _NOT_SUPPORTED.items():
        if given.get(name) is not None:
            raise refusal


def _response_type(given: Given, client: Registered) -> None:
    asked = given.get("response_type")
    if asked is None:
        raise InvalidRequest("Missing required parameter: response_type")
    if asked not in GRANT_TYPE_OF:
        raise UnsupportedResponseType(f"Unsupported response type: {asked}")
    if GRANT_TYPE_OF[asked] not in client.grant_types:
        raise UnauthorizedClient(f"Grant type '{GRANT_TYPE_OF[asked]}' not allowed for the client.")


def _response_mode(given: Given, _client: Registered) -> None:
    asked = given.get("response_mode")
    if asked is not None and asked not in MODES_OF[given.values["response_type"]]:
        raise InvalidRequest("The response_mode is not supported for this response_type.")


def _scope(given: Given, _client: Registered) -> None:
    Scopes.parse(given.get("scope") or "")


def _nonce(given: Given, _client: Registered) -> None:
    if given.get("response_type") != ID_TOKEN:
        return
    if given.get("nonce") is None:
        raise InvalidRequest("Missing required parameter: nonce")
    if "openid" not in (given.get("scope") or "").split(" "):
        raise InvalidRequest("An ID token is given for the scope openid alone.")


def _pkce(given: Given, client: Registered) -> None:
    challenge, method = given.get("code_challenge"), given.get("code_challenge_method")
    if challenge is None and method is None:
        if given.get("response_type") == CODE and client.is_public:
            raise InvalidRequest("Parameter 'code_challenge' is required: the client must use PKCE.")
        return
    if method != "S256":
        raise InvalidRequest("The code_challenge_method must be S256.")
    if challenge is None or not CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("The code_challenge is not the base64url of a SHA-256.")


def _prompt(given: Given, _client: Registered) -> None:
    asked = (given.get("prompt") or "").split()
    if "none" in asked and len(asked) > 1:
        raise InvalidRequest("prompt=none cannot be combined with another prompt.")


def _max_age(given: Given, _client: Registered) -> None:
    asked = given.get("max_age")
    if asked is not None and not (asked.isascii() and asked.isdecimal() and len(asked) <= _MOST_SECONDS):
        raise InvalidRequest("max_age must be a number of seconds.")


def _claims(given: Given, _client: Registered) -> None:
    asked = given.get("claims")
    if asked is not None and not isinstance(_json(asked), dict):
        raise InvalidRequest("claims must be a JSON object.")


CHECKS: Final[tuple[Callable[[Given, Registered], None], ...]] = (
    _repeated,
    _malformed,
    _target,
    _unsupported,
    _response_type,
    _response_mode,
    _scope,
    _nonce,
    _pkce,
    _prompt,
    _max_age,
    _claims,
)
"""What is checked once client and redirect URI are good, in this order: the first that fails is what is answered."""

_NOT_SUPPORTED: Final[Mapping[str, type[OAuthError]]] = {
    "request": RequestNotSupported,
    "request_uri": RequestUriNotSupported,
    "registration": RegistrationNotSupported,
}

KNOWN: Final = frozenset(
    {
        *("response_type", "response_mode", "scope", "nonce", "audience", "code_challenge", "code_challenge_method"),
        *("prompt", "max_age", "login_hint", "id_token_hint", "screen_hint", "connection", "ui_locales", "acr_values"),
        *("claims", "display", "organization", "request", "request_uri", "registration", "resource"),
    }
)
"""Parameters somebody reads; the others are ignored whatever they say (RFC 6749 §3.1)."""

PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})


def checked(given: Given, client: Registered, redirect_uri: str) -> AuthorizationRequest:
    """The request, when every check of the table passes.

    Raises:
        OAuthError: the first that does not.
    """
    for check in CHECKS:
        check(given, client)
    max_age, claims = given.get("max_age"), given.get("claims")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        response_type=given.values["response_type"],
        response_mode=response_mode_of(given),
        scope=list(Scopes.parse(given.get("scope") or "")),
        state=given.state,
        nonce=given.get("nonce"),
        audience=given.get("audience") or next(iter(given.resource), None),
        code_challenge=given.get("code_challenge"),
        prompt=[each for each in (given.get("prompt") or "").split() if each in PROMPTS],
        max_age=None if max_age is None else int(max_age),
        login_hint=given.get("login_hint"),
        id_token_hint=given.get("id_token_hint"),
        screen_hint=given.get("screen_hint"),
        connection=given.get("connection"),
        ui_locales=given.get("ui_locales"),
        acr_values=given.get("acr_values"),
        claims=None if claims is None else _json(claims),
        display=given.get("display"),
        is_redirect_uri_implied=given.get("redirect_uri") is None,
    )


def _json(text: str) -> Any:
    try:
        return loads(text.encode())
    except MalformedJSON:
        return None
