"""How a tenant looks: its name, logo and colours, checked again before they reach a page.

Text in a brand's colour is moved towards black or white until it can be read (WCAG 2.2, 1.4.3: a contrast of 4.5).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from libs.edge.colours import colour, ink_on, is_lost_on, readable

PRIMARY: Final = "#3347d1"
LIGHT_CARD: Final = "#ffffff"
DARK_CARD: Final = "#1a1c22"

_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?(/[A-Za-z0-9\-._~:/?@!$&()*+=%]*)?")


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
            primary=colour(colours.get("primary")) or PRIMARY,
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
            "--edge": _edge(self.primary, LIGHT_CARD),
            "--link": readable(self.primary, LIGHT_CARD),
        }
        if self.background:
            light["--ground"] = self.background
        dark = {"--edge": _edge(self.primary, DARK_CARD), "--link": readable(self.primary, DARK_CARD)}
        return f":root{{{_declared(light)}}}@media(prefers-color-scheme:dark){{:root{{{_declared(dark)}}}}}"


def _declared(values: Mapping[str, str]) -> str:
    return ";".join(f"{name}:{value}" for name, value in values.items())


def _edge(primary: str, card: str) -> str:
    """A line round what would not be seen on the card."""
    return "var(--field)" if is_lost_on(card, primary) else "transparent"


def _background(value: object) -> str | None:
    """A colour, or a gradient of two as Auth0 writes one."""
    if not isinstance(value, Mapping):
        return colour(value)
    start, end, angle = colour(value.get("start")), colour(value.get("end")), value.get("angle_deg")
    if start is None or end is None or not isinstance(angle, int):
        return None
    return f"linear-gradient({int(angle)}deg,{start},{end}) fixed"


def _url(value: object) -> str | None:
    return value if isinstance(value, str) and _URL.fullmatch(value) else None
