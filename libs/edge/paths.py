"""Reads a raw request path so that everybody reads the same: split on `/` first, decode then, refuse the rest."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from libs.edge.refusals import MalformedPath

MANAGEMENT: Final = "/api/v2/"
SCREENS: Final = "/u/"
USERINFO: Final = "/userinfo"
DATABASE: Final = "/dbconnections/"
SEEN: Final = frozenset({"/authorize", "/authorize/resume", "/oidc/logout", "/v2/logout", "/dev/mailbox"})
"""Paths besides those below `SCREENS` that a person's browser goes to: what is refused there is a page."""
MAX_PATH: Final = 8192

# Empty segments, path parameters (`;`), backslashes, and whatever an URI may not contain at all (RFC 3986 §3.3).
_HOSTILE = re.compile(r"//|[^\x21-\x7e]|[;\\?#\"<>^`{}]|%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def segments(raw_path: str) -> list[str]:
    """Split a raw path into its raw segments.

    Raises:
        MalformedPath: not absolute, too long, dot segments (encoded or not), empty segments, path parameters, broken or
            non-UTF-8 escapes, NUL and other control characters; outside the Management API also an encoded slash, which
            inside is data of an id.
    """
    if not raw_path.startswith("/") or len(raw_path) > MAX_PATH or _HOSTILE.search(raw_path):
        raise MalformedPath
    if not raw_path.startswith(MANAGEMENT) and _ENCODED_SLASH.search(raw_path):
        raise MalformedPath
    parts = raw_path[1:].split("/")
    for part in parts:
        if part in {".", ".."} or ("%" in part and decoded(part) in {".", ".."}):
            raise MalformedPath
    return parts


def decoded(segment: str) -> str:
    """Decode one segment, once.

    Raises:
        MalformedPath: what was escaped is not UTF-8, or a control character.
    """
    if "%" not in segment:
        return segment
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise MalformedPath from error
    if _CONTROL.search(text):
        raise MalformedPath
    return text
