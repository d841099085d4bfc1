"""How a tenant's pages look and ask when nobody changed that, and what a picture is."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from services.tenants.commands import Picture

PROMPTS: Final[Mapping[str, Any]] = {
    "universal_login_experience": "new",
    "identifier_first": True,
    "webauthn_platform_first_factor": False,
}
"""What a tenant that changed nothing has: the address first, then the password."""

PICTURES: Final[Mapping[str, str]] = {"logo_url": "logo", "favicon_url": "favicon"}
"""The members of a branding that name a picture, and what that is served as."""

MOST: Final = 32 * 1024
"""Bytes of a picture: in an event, in base64, it stays below 64 KiB."""

_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


_COLOR: Final = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?")
_FULL_TURN: Final = 360


def is_background(value: Any) -> bool:
    """Whether it is none, a colour, or a gradient of two: what the pages may write into their style unread."""
    if isinstance(value, Mapping):
        angle = value.get("angle_deg")
        return (
            value.keys() == {"type", "start", "end", "angle_deg"}
            and value["type"] == "linear-gradient"
            and all(isinstance(value[end], str) and _COLOR.fullmatch(value[end]) for end in ("start", "end"))
            and isinstance(angle, int) and not isinstance(angle, bool) and 0 <= angle <= _FULL_TURN
        )  # fmt: skip
    return value is None or (isinstance(value, str) and _COLOR.fullmatch(value) is not None)


class NotAPicture(Exception):
    """The content is none of the kinds of picture that run nothing, whatever it is called; or it is too large."""


def difference_of(
    own: Mapping[str, Any], wanted: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What of `wanted` would change something a reader sees."""
    now = {**(defaults or {}), **own}
    return {
        name: value
        for name, value in wanted.items()
        if now.get(name) != ((defaults or {}).get(name) if value is None else value)
    }


def picture_of(content: bytes) -> Picture:
    """A picture, its kind told by its content (HD-06); raises NotAPicture."""
    if len(content) > MOST:
        raise NotAPicture(f"the picture is over {MOST // 1024} KiB")
    kind = next((kind for beginning, kind in _BEGINNINGS if content.startswith(beginning)), None)
    if kind is None and content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        kind = "image/webp"
    if kind is None:
        raise NotAPicture("the content is not PNG, JPEG, GIF or WebP")
    return Picture(content_type=kind, content=content, version=hashlib.sha256(content).hexdigest()[:16])


def picture_in(url: str) -> Picture:
    """The picture of a `data:` URL (RFC 2397); raises NotAPicture."""
    try:
        content = base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise NotAPicture("the content is not base64") from error
    return picture_of(content)
