"""Mails as text: one template per kind, in each language; variables are text in it and never anything else.

A sentence is left out when it needs a variable that is not there. Nothing of a variable is evaluated: the placeholders
of our own sentences are replaced once, by one pass, and what was put in is not read again.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

import msgspec

from libs.edge.colours import colour, ink_on, is_lost_on
from libs.edge.formats import is_web_url
from services.connections.commands import SERVICE, DeliverMail
from services.connections.projections import Look, TenantRow

LOCALES: Final = ("en", "de", "ar")
TEMPLATES: Final = frozenset(
    ("verify_email", "reset_email", "welcome_email", "blocked_account", "failed_attempts", "password_changed")
)
COLOR: Final = "#3b5bdb"
CARD: Final = "#ffffff"
"""What a mail's words lie on."""
EDGE: Final = "#878da1"
"""The line round a button that would not be seen there."""
LOGO: Final = "u/branding/logo"
LONGEST: Final = 200
"""Characters of a variable that are shown."""

NO_LOOK: Final = Look()
JOINER: Final = "\u2060"
ISOLATE: Final = "\u2068{}\u2069"
LONGEST_URL: Final = 4096

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_UNSEEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]+"
)
_LINKED: Final = re.compile(r"(?<=[\w])([.:@])(?=[\w/])")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that can be sent."""

    to: str
    sender_name: str
    template: str
    subject: str
    text: str
    html: str
    links: list[str]


@cache
def words_of(locale: str) -> Mapping[str, Any]:
    """The sentences of one language."""
    words: Mapping[str, Any] = json.loads(_data("locales", f"{locale}.json"))
    return words


@cache
def page(name: str) -> str:
    """An HTML page with its placeholders."""
    return _data("pages", name)


def _data(folder: str, name: str) -> str:
    return files(f"services.{SERVICE}").joinpath(folder, name).read_text(encoding="utf-8")


def preload() -> None:
    """Read everything before the loop turns."""
    for locale in LOCALES:
        words_of(locale)
    for name in ("mail.html", "mail_button.html", "mail_logo.html", "mailbox.html"):
        page(name)


def locale_of(wanted: str, offered: Sequence[str]) -> str:
    """The nearest language there is: the one wanted, else the tenant's, else English."""
    for tag in (wanted, *offered):
        language = tag.replace("_", "-").partition("-")[0].lower()
        if language in LOCALES:
            return language
    return LOCALES[0]


def shown(text: str) -> str:
    """A variable as text: one line, not too long, nothing that turns the writing around, nothing that becomes a link.

    Mail programs make links of what looks like an address, so a name that looks like one is parted by word joiners,
    which nobody sees.
    """
    plain = " ".join(_UNSEEN.sub(" ", text).split())
    cut = plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"
    return _LINKED.sub(rf"\1{JOINER}", cut)


@dataclass(frozen=True)
class _Draft:
    """The parts of a mail, as text."""

    locale: str
    tenant: str
    title: str
    body: list[str]
    label: str
    link: str
    after: list[str]
    foot: list[str]
    color: str
    logo: str


def letter(asked: DeliverMail, tenant: TenantRow | None, look: Look = NO_LOOK) -> Letter:
    """The mail that was asked for."""
    locale = locale_of(asked.locale, tenant.locales if tenant else ())
    said = words_of(locale)["templates"][asked.template]
    known = _known(asked, tenant)
    draft = _draft(locale, asked, _isolated(locale, known), _color(tenant, look), _logo(tenant, look))
    return Letter(
        to=asked.to,
        sender_name=known["tenant"].replace(JOINER, ""),
        template=asked.template,
        subject=(_filled(said["subject"], known) or "").replace(JOINER, ""),
        text=_text(draft),
        html=_html(draft),
        links=[draft.link] if draft.link else [],
    )


def _draft(locale: str, asked: DeliverMail, known: Mapping[str, str], color: str, logo: str) -> _Draft:
    words = words_of(locale)
    said = words["templates"][asked.template]
    url = asked.variables.get("url", "")
    link = url if len(url) <= LONGEST_URL and is_web_url(url) else ""
    return _Draft(
        locale=locale,
        tenant=known["tenant"],
        title=_filled(said["title"], known) or "",
        body=[_filled(words["hello_name"], known) or words["hello"], *_lines(said["lines"], known)],
        label=said["button"],
        link=link,
        after=_lines([*(words["lifetime"] if link else []), *said["after"]], known),
        foot=_lines([words["sent_by"], words["support"]], known),
        color=color,
        logo=logo,
    )


def _text(draft: _Draft) -> str:
    button = [f"{draft.label}:\n{draft.link}"] if draft.link else []
    foot = "\n".join(["-- ", *draft.foot])
    return "\n\n".join([draft.title, *draft.body, *button, *draft.after, foot]) + "\n"


def _html(draft: _Draft) -> str:
    words = words_of(draft.locale)
    edge = EDGE if is_lost_on(CARD, draft.color) else draft.color
    shared = {"color": draft.color, "ink": ink_on(draft.color), "edge": edge}
    button = {"url": escape(draft.link), "label": escape(draft.label), "by_hand": escape(words["by_hand"])}
    parts = {
        "lang": draft.locale,
        "direction": words["direction"],
        "title": escape(draft.title),
        "brand": _brand(draft),
        "lines": _paragraphs(draft.body),
        "button": _put(page("mail_button.html"), shared | button) if draft.link else "",
        "after": _paragraphs(draft.after),
        "foot": "<br>".join(map(escape, draft.foot)),
    }
    return _put(page("mail.html"), shared | parts)


def _brand(draft: _Draft) -> str:
    """The picture, or the name."""
    name = escape(draft.tenant)
    return _put(page("mail_logo.html"), {"logo": escape(draft.logo), "tenant": name}) if draft.logo else name


def _known(asked: DeliverMail, tenant: TenantRow | None) -> dict[str, str]:
    """The variables by name, as text; those that are empty are not there."""
    ours = {"tenant": asked.tenant}
    if tenant is not None:
        ours = {"tenant": tenant.friendly_name or tenant.name, "support": tenant.support_email}
    theirs = {name: asked.variables.get(name, "") for name in ("name", "application", "address")}
    ours |= _lifetime(asked.variables.get("minutes", ""))
    linked = {name: shown(value) for name, value in (theirs | {"tenant": ours["tenant"]}).items()}
    return {name: value for name, value in (ours | linked).items() if value}


def _isolated(locale: str, known: Mapping[str, str]) -> Mapping[str, str]:
    """What keeps its own direction within a text from right to left, brackets and all (Unicode, UAX 9)."""
    if words_of(locale)["direction"] == "ltr":
        return known
    return {name: ISOLATE.format(value) for name, value in known.items()}


def _lifetime(minutes: str) -> dict[str, str]:
    """How long a link lives, in the largest unit of which it has two and more and nothing is left over."""
    for unit, one in (("days", 1440), ("hours", 60)):
        if minutes.isdecimal() and int(minutes) >= 2 * one and int(minutes) % one == 0:
            return {unit: str(int(minutes) // one)}
    return {"minutes": minutes}


def _lines(sentences: Sequence[str], known: Mapping[str, str]) -> list[str]:
    return [filled for each in sentences if (filled := _filled(each, known)) is not None]


def _filled(sentence: str, known: Mapping[str, str]) -> str | None:
    """The sentence with its variables; `None` when one of them is not there."""
    if any(name not in known for name in _PLACEHOLDER.findall(sentence)):
        return None
    return _PLACEHOLDER.sub(lambda found: known[found[1]], sentence)


def _color(tenant: TenantRow | None, look: Look) -> str:
    """The branding's colour, else the settings', as on the pages."""
    return colour(look.color) or (tenant and colour(tenant.color)) or COLOR


def _logo(tenant: TenantRow | None, look: Look) -> str:
    """Where the tenant's own picture is served; empty where there is none."""
    url = f"{tenant.issuer}{LOGO}?v={look.logo}" if tenant is not None and look.logo else ""
    return url if is_web_url(url) else ""


def _put(template: str, parts: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: parts[found[1]], template)


def _paragraphs(sentences: Sequence[str]) -> str:
    return "".join(f'<p style="margin:0 0 12px">{escape(each)}</p>' for each in sentences)
