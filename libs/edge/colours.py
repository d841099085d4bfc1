"""Colours that people read text in, or on: a tenant's own, moved until they can be read.

The rule is WCAG 2.2, 1.4.3: a contrast of 4.5.
"""

import re
from typing import Final

ENOUGH: Final = 4.6
"""A little more than the 4.5 asked for: what is blended is rounded."""

FAINT: Final = 1.5
"""The contrast below which a button in a colour is not told from what it lies on."""

_COLOUR: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_LIGHT_INK, _DARK_INK = "#ffffff", "#101218"


def colour(value: object) -> str | None:
    """`#rgb` or `#rrggbb` as `#rrggbb`; nothing else gets into a style of a page or a mail."""
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        return None
    long = value if len(value) == len("#rrggbb") else "#" + "".join(2 * digit for digit in value[1:])
    return long.lower()


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def is_lost_on(ground: str, colour: str) -> bool:
    """Whether a button of this colour, lying on `ground`, needs an edge to be seen."""
    return contrast(colour, ground) < FAINT


def ink_on(colour: str) -> str:
    """White where it can be read on this colour, else near-black or whichever is read better."""
    if contrast(colour, _LIGHT_INK) >= ENOUGH:
        return _LIGHT_INK
    return max((_DARK_INK, "#000000", _LIGHT_INK), key=lambda ink: contrast(colour, ink))


def readable(colour: str, ground: str) -> str:
    """The colour nearest to this one that can be read on `ground`."""
    towards = "#000000" if _luminance(ground) > 0.5 else "#ffffff"  # noqa: PLR2004  # half of all light
    steps = (_blended(colour, towards, step / 20) for step in range(21))
    return next(each for each in steps if contrast(each, ground) >= ENOUGH)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # of sRGB


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _blended(colour: str, other: str, share: float) -> str:
    parts = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in parts)
