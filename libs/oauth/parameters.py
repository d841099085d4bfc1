"""The token endpoint's parameters: read once, strictly, from a form or a JSON body (RFC 6749 §3.2, appendix B)."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, overload
from urllib.parse import unquote_plus, unquote_to_bytes

from libs.oauth.errors import InvalidRequest
from libs.runtime.strict_json import MalformedJSON, loads

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MAX_FIELDS = 100
MAX_BODY_BYTES = 65_536
T = TypeVar("T")

#: The one parameter that may be sent more than once (RFC 8707 §2).
REPEATABLE = "resource"

#: What is only compared with what was given out: whatever it holds, it is the right one or a wrong one.
PROOFS = frozenset({"code", "code_verifier", "refresh_token", "token"})

_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CHARSET_UTF_8 = re.compile(r'charset="?utf-8"?', re.IGNORECASE)


class WrongContentType(InvalidRequest):
    """The body must be application/x-www-form-urlencoded or application/json, in UTF-8."""


class EncodedBody(InvalidRequest):
    """A compressed body is not accepted."""


class ParametersInQuery(InvalidRequest):
    """Parameters belong in the body, not in the URL."""


class BodyTooLarge(InvalidRequest):
    """The body is too large."""


class MalformedBody(InvalidRequest):
    """The body is malformed."""


class RepeatedParameter(InvalidRequest):
    """A parameter was sent more than once."""


class TooManyParameters(InvalidRequest):
    """Too many parameters were sent."""


class MalformedParameter(InvalidRequest):
    """A parameter is not a string, or contains control characters."""


class MissingParameter(InvalidRequest):
    """A required parameter is missing."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Missing required parameter: {name}")


class Parameters(Mapping[str, str]):
    """What the client asked, each parameter once; those sent empty, or as JSON `null`, are not there.

    `resource` may be sent several times and therefore stands apart, in the order sent.
    """

    __slots__ = ("_values", "resource")

    def __init__(self, values: Mapping[str, str], resource: tuple[str, ...] = ()) -> None:
        self._values = MappingProxyType(dict(values))
        self.resource = resource

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, name: str, default: str, /) -> str: ...
    @overload
    def get(self, name: str, default: T, /) -> str | T: ...

    def get(self, name: str, default: Any = None, /) -> Any:
        """Return the parameter, or `default`; the inherited one would raise and catch for each absent parameter."""
        return self._values.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # Values are secrets as often as not.
        return f"Parameters({', '.join(self._values)})"

    def required(self, name: str) -> str:
        """Return the parameter, or raise `MissingParameter`."""
        value = self._values.get(name)
        if value is None:
            raise MissingParameter(name)
        return value


def read(headers: Iterable[tuple[str, str]], query: str, body: bytes, *, known: Collection[str]) -> Parameters:
    """Read the parameters of one request; those not in `known` are ignored, as RFC 6749 §3.2 wants.

    Args:
        headers: the request's header pairs, names in lower case.
        query: the raw query string; a parameter of ours in it is refused, because addresses are written down.
        body: the raw body.
        known: the names somebody will read.

    Raises:
        InvalidRequest: one of the reasons above.
    """
    if query and any(name in known or name == REPEATABLE for name in _names(query)):
        raise ParametersInQuery
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge
    pairs = _json_pairs(body) if _media_type(headers) == JSON else _form_pairs(body)
    return _collected(pairs, known)


def _names(query: str) -> Iterator[str]:
    """What a query string names; clients add what is theirs alone, such as MSAL its `client-request-id`."""
    return (unquote_plus(field.partition("=")[0]) for field in query.split("&"))


def _media_type(headers: Iterable[tuple[str, str]]) -> str:
    found = None
    for name, value in headers:
        if name == "content-type":
            if found is not None:
                raise WrongContentType
            found = _without_charset(value)
        elif name == "content-encoding" and value.strip().lower() not in {"", "identity"}:
            raise EncodedBody
    if found not in {FORM, JSON}:
        raise WrongContentType
    return found


def _without_charset(content_type: str) -> str:
    media_type, _, rest = content_type.partition(";")
    if rest.strip() and not _CHARSET_UTF_8.fullmatch(rest.strip()):
        raise WrongContentType
    return media_type.strip().lower()


def _json_pairs(body: bytes) -> list[tuple[str, Any]]:
    try:
        value = loads(body)
    except MalformedJSON as error:
        raise MalformedBody(f"The body is malformed: {error}.") from error
    if not isinstance(value, dict):
        raise MalformedBody
    if len(value) > MAX_FIELDS:
        raise TooManyParameters
    return [pair for name, member in value.items() for pair in _spread(name, member)]


def _spread(name: str, member: Any) -> list[tuple[str, Any]]:
    # The JSON form of a repeated parameter is an array.
    if name == REPEATABLE and isinstance(member, list):
        return [(name, item) for item in member[: MAX_FIELDS + 1]]
    return [(name, "" if member is None else member)]


def _form_pairs(body: bytes) -> list[tuple[str, str]]:
    if body.count(b"&") > MAX_FIELDS:
        raise TooManyParameters
    try:
        text = body.decode()
        fields = [field.partition("=") for field in text.split("&") if field]
        if "%" not in text and "+" not in text:
            return [(name, value) for name, _, value in fields]
        return [(_decoded(name), _decoded(value)) for name, _, value in fields]
    except UnicodeDecodeError as error:
        raise MalformedBody from error


def _decoded(field: str) -> str:
    if "+" in field:
        field = field.replace("+", " ")
    if "%" not in field:
        return field
    if _BAD_ESCAPE.search(field):
        raise MalformedBody
    return unquote_to_bytes(field).decode()


def _collected(pairs: list[tuple[str, Any]], known: Collection[str]) -> Parameters:
    # A parameter sent empty is as good as not sent (RFC 6749 §3.2), yet sent twice is sent twice.
    values: dict[str, str] = {}
    resource: list[str] = []
    seen: set[str] = set()
    if len(pairs) > MAX_FIELDS:
        raise TooManyParameters
    for name, value in pairs:
        if name == REPEATABLE:
            resource.append(_plain(name, value))
        elif name in seen:
            raise RepeatedParameter
        elif name in known and value != "":
            values[name] = _plain(name, value)
        seen.add(name)
    return Parameters(values, tuple(filter(None, resource)))


def _plain(name: str, value: Any) -> str:
    if not isinstance(value, str) or (name not in PROOFS and _CONTROL.search(value)):
        raise MalformedParameter(f"The parameter {name} must be a string without control characters.")
    return value
