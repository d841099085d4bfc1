"""How a tenant looks: its name, logo and colours, checked again before they reach a page.

Text in a brand's colour is moved towards black or white until it can be read (WCAG 2.2, 1.4.3: a contrast of 4.5).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PRIMARY: Final = "#3347d1"
LIGHT_CARD: Final = "#ffffff"
DARK_CARD: Final = "#1a1c22"
ENOUGH: Final = 4.6
"""A little more than the 4.5 asked for: what is blended is rounded."""

_COLOUR: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?(/[A-Za-z0-9\-._~:/?@!$&()*+=%]*)?")
_LIGHT_INK, _DARK_INK = "#ffffff", "#101218"


@dataclass(frozen=True)
class Brand:
    """What a page shows of its tenant; everything in it is checked."""

    name: str = ""
    logo_url: str | None = None
    favicon_url: str | None = None
    primary: str = PRIMARY
    background: str | None = None
    support_url: str | None = None
    locales: tuple[str, ...] = ()
    identifier_first: bool = True

    @classmethod
    def of(
        cls,
        name: str,
        settings: Mapping[str, Any],
        branding: Mapping[str, Any],
        prompts: Mapping[str, Any],
        pictures: Mapping[str, str],
    ) -> "Brand":
        """The brand of a tenant with these settings, as the Management API shows them, and these pictures of ours."""
        colours = branding.get("colors") or (settings.get("universal_login") or {}).get("colors") or {}
        return cls(
            name=str(settings.get("friendly_name") or name),
            logo_url=pictures.get("logo"),
            favicon_url=pictures.get("favicon"),
            primary=_colour(colours.get("primary")) or PRIMARY,
            background=_background(colours.get("page_background")),
            support_url=_url(settings.get("support_url")),
            locales=tuple(map(str, settings.get("enabled_locales") or ())),
            identifier_first=prompts.get("identifier_first") is not False,
        )

    def tokens(self) -> str:
        """Its colours as custom properties, light and dark."""
        light = {
            "--brand": self.primary,
            "--on-brand": ink_on(self.primary),
            "--link": readable(self.primary, LIGHT_CARD),
        }
        if self.background:
            light["--ground"] = self.background
        dark = {"--link": readable(self.primary, DARK_CARD)}
        return f":root{{{_declared(light)}}}@media(prefers-color-scheme:dark){{:root{{{_declared(dark)}}}}}"


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


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


def _declared(values: Mapping[str, str]) -> str:
    return ";".join(f"{name}:{value}" for name, value in values.items())


def _colour(value: object) -> str | None:
    """`#rgb` or `#rrggbb` as `#rrggbb`; nothing else gets into a style."""
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        return None
    long = value if len(value) == len("#rrggbb") else "#" + "".join(2 * digit for digit in value[1:])
    return long.lower()


def _background(value: object) -> str | None:
    """A colour, or a gradient of two as Auth0 writes one."""
    if not isinstance(value, Mapping):
        return _colour(value)
    start, end, angle = _colour(value.get("start")), _colour(value.get("end")), value.get("angle_deg")
    if start is None or end is None or not isinstance(angle, int):
        return None
    return f"linear-gradient({int(angle)}deg,{start},{end}) fixed"


def _url(value: object) -> str | None:
    return value if isinstance(value, str) and _URL.fullmatch(value) else None
