"""The languages of the pages: English is in the templates, each other one is a gettext catalogue in `locales/`.

A catalogue is named by its tag of BCP 47 (`de.po`, `pt-BR.po`); it is read once, when the service starts.
"""

import gettext
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES: Final = Path(__file__).parents[1] / "locales"
MOST_ASKED: Final = 20

_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class Language:
    """One language: its tag, which way it is written, its sentences."""

    tag: str
    direction: str
    catalogue: gettext.NullTranslations


ENGLISH: Final = Language("en", "ltr", gettext.NullTranslations())


def languages(folder: Path = LOCALES) -> dict[str, Language]:
    """Every language there is, by its tag in lower case."""
    read = (_language(file) for file in sorted(folder.glob("*.po")))
    return {each.tag.lower(): each for each in (ENGLISH, *read)}


def _language(file: Path) -> Language:
    locale = Locale.parse(file.stem, sep="-")
    compiled = io.BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=locale))
    compiled.seek(0)
    return Language(file.stem, locale.text_direction, gettext.GNUTranslations(compiled))


def chosen(
    there: Mapping[str, Language], ui_locales: str | None, accept_language: str | None, enabled: Sequence[str]
) -> Language:
    """The language of a page: what the application asks, else what the browser prefers, else the tenant's first.

    A tenant that names its languages (`enabled_locales`) has no others.
    """
    offered = {tag: each for tag, each in there.items() if not enabled or _is_enabled(tag, enabled)} or there
    for tag in (*(ui_locales or "").split()[:MOST_ASKED], *preferred(accept_language or ""), *enabled):
        if found := _nearest(offered, tag):
            return found
    return offered.get("en") or next(iter(offered.values()))


def preferred(accept_language: str) -> list[str]:
    """The tags of the header Accept-Language, best first (RFC 9110 section 12.5.4); nonsense is left out."""
    weighed = [_weighed(part) for part in accept_language.split(",")[:MOST_ASKED]]
    return [tag for weight, tag in sorted(weighed, key=lambda each: -each[0]) if weight > 0 and _TAG.fullmatch(tag)]


def _weighed(part: str) -> tuple[float, str]:
    tag, _, weight = part.partition(";")
    found = re.fullmatch(r"q=([01](?:\.\d{0,3})?)", weight.strip().lower())
    return (float(found[1]) if found else (0.0 if weight.strip() else 1.0)), tag.strip()


def _nearest(there: Mapping[str, Language], tag: str) -> Language | None:
    """The language of this tag or of a shorter one (RFC 4647 section 3.4): `de-CH` is served by `de`."""
    parts = tag.lower().replace("_", "-").split("-")
    shorter: Iterable[str] = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((there[each] for each in shorter if each in there), None)


def _is_enabled(tag: str, enabled: Sequence[str]) -> bool:
    return any(tag == each.lower() or each.lower().startswith(f"{tag}-") for each in enabled)
