"""Every page, in every language: whole, translated, escaped, closed, small."""

import re
from html.parser import HTMLParser
from typing import Any, Final

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from libs.edge.colours import contrast
from services.login.routes.brand import Brand
from services.login.routes.languages import LOCALES
from services.login.routes.problems import BadRequest, Problem
from services.login.routes.showing import LANGUAGES, ROOM, source_of
from tests.pages.gallery import ADA, GALLERY, Example

TAGS: Final = tuple(LANGUAGES)
HOSTILE: Final = "\"><script>alert(1)</script><a href='//evil.ex'>{{7777*7777}}\u202e%(x)s"
EACH: Final = pytest.mark.parametrize("example", GALLERY, ids=lambda each: each.name)


class Reader(HTMLParser):
    """The elements of a page, and what stands between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"style", "script"} & set(self._inside):
            self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.elements if each == tag]


def read(example: Example, language: str = "en", **more: Any) -> Reader:
    return Reader(example.shown(language=language, **more).body.decode())


@EACH
def test_a_page_is_shown_in_the_language_of_its_reader(example: Example) -> None:
    for tag, language in LANGUAGES.items():
        html = read(example, tag).all("html")[0]
        assert (html["lang"], html["dir"]) == (language.tag, language.direction)


@EACH
def test_nothing_on_a_page_stays_english_in_another_language(example: Example) -> None:
    own = {"Nordlicht", "N", "A", "Harbour", ADA, "Read your invoices", "read:invoices", "x:y", "r-0123456789", "."}
    own |= {"invalid_request: scope"}
    english = set(read(example).texts) - own
    for tag in set(TAGS) - {"en"}:
        assert not english & set(read(example, tag).texts)


def test_every_sentence_of_the_pages_is_in_every_catalogue() -> None:
    methods = [("routes/**.py", "python"), ("pages/**.html", "jinja2")]
    options = {"pages/**.html": {"trimmed": "true"}}
    found = extract_from_dir(
        ROOM, methods, options, keywords={"N_": None, "_": None, "gettext": None, "ngettext": (1, 2)}
    )
    sentences = {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}
    assert len(sentences) > 90
    for file in LOCALES.glob("*.po"):
        with file.open("rb") as source:
            catalogue = read_po(source)
        translated: dict[Any, Any] = {
            each.id[0] if isinstance(each.id, tuple) else each.id: each for each in catalogue if each.id
        }
        assert sentences - set(translated) == set(), file.name
        for each in translated.values():
            strings: tuple[Any, ...] = each.string if isinstance(each.string, tuple) else (each.string,)
            assert all(strings), each.id
            assert not each.fuzzy, each.id
            placed = [set(re.findall(r"%\(\w+\)s", string)) for string in strings]
            ids: tuple[Any, ...] = each.id if isinstance(each.id, tuple) else (each.id,)
            assert all(names == set(re.findall(r"%\(\w+\)s", ids[-1])) for names in placed), each.id


def _first(id_: Any) -> Any:
    return id_[0] if isinstance(id_, tuple) else id_


@EACH
@pytest.mark.security("RU-13")
@pytest.mark.security("RC-06")
def test_what_strangers_wrote_is_text_and_never_a_part_of_the_page(example: Example) -> None:
    calm, hostile = (_filled(example, text) for text in ("calm", HOSTILE))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in calm.elements]
    for (_, quiet), (_, loud) in zip(calm.elements, hostile.elements, strict=True):
        assert quiet.keys() == loud.keys()
    assert not any(str(7777 * 7777) in text for text in hostile.texts)


def _filled(example: Example, text: str) -> Reader:
    """The page with this text wherever strangers may write."""
    names = ("application", "person", "identifier", "state", "link", "request_id")
    scopes = ({"name": text, "text": text}, {"name": text, "text": ""})
    more: dict[str, Any] = dict.fromkeys(names, text) | {"kept": {text: text}}
    if isinstance(example.context.get("problem"), Problem):
        more["problem"] = BadRequest(back="/" + text, detail=text)
    return read(example, brand=Brand(name=text, support_url="https://calm.example/"), **more, scopes=scopes)


@EACH
@pytest.mark.security("RC-10")
def test_a_page_is_closed_to_everything_that_is_not_in_it(example: Example) -> None:
    reply = example.shown()
    headers = dict(reply.headers)
    policy = headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)
    assert nonce is not None
    assert policy == (
        f"default-src 'none'; style-src 'nonce-{nonce[1]}'; script-src 'nonce-{nonce[1]}'; img-src 'self' data:;"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    page = read(example)
    assert {each["nonce"] for each in (*page.all("script"), *page.all("style"))} != {nonce[1]}, "once only"
    assert not [each for _, each in page.elements if any(name.startswith("on") or name == "style" for name in each)]


@EACH
def test_the_first_paint_is_one_request_below_20_kb(example: Example) -> None:
    for tag in TAGS:
        assert len(example.shown(language=tag).body) < 20_000
    page = read(example)
    assert not [each for each in (*page.all("script"), *page.all("img")) if each.get("src")]
    assert [each["href"] for each in page.all("link")] == ["data:,"]


@EACH
def test_a_page_works_without_a_script(example: Example) -> None:
    page = read(example)
    assert all(form["method"] == "post" and form["action"] for form in page.all("form"))
    assert all(button["type"] == "submit" and button["name"] == "action" for button in page.all("button"))
    if page.all("form"):
        names = {each.get("name") for each in page.all("input")}
        assert {"state", "csrf"} <= names
        assert page.all("button")


@EACH
def test_inputs_and_buttons_have_ids_labels_and_errors_of_their_own(example: Example) -> None:
    page = read(example)
    ids = [each["id"] for _, each in page.elements if each.get("id")]
    assert len(ids) == len(set(ids))
    labels = {each.get("for") for each in page.all("label")}
    for each in page.all("input"):
        if each["type"] in {"text", "email", "password"} and "hidden" not in each:
            assert each["id"] in labels
            assert each["autocomplete"]
            for described in (each.get("aria-describedby") or "").split():
                assert described in ids


def test_the_pages_have_auth0s_names() -> None:
    named = {each.name: each for each in GALLERY}
    for name in ("identifier", "password", "login", "signup", "reset-request", "reset"):
        page = read(named[name])
        first = page.all("button")[0]
        assert (first["type"], first["name"], first["value"]) == ("submit", "action", "default")
    kinds = {
        each["name"]: each["autocomplete"] for each in read(named["login"]).all("input") if each.get("autocomplete")
    }
    assert kinds == {"username": "username", "password": "current-password"}
    kinds = {
        each["name"]: each["autocomplete"] for each in read(named["signup"]).all("input") if each.get("autocomplete")
    }
    assert kinds == {"email": "username", "password": "new-password"}
    assert [each["value"] for each in read(named["consent"]).all("button")] == ["accept", "deny"]
    assert "Sign up" in read(named["identifier"]).texts


def _typed(example: Example) -> dict[str | None, str | None]:
    """What password managers are told."""
    return {each["name"]: each["autocomplete"] for each in read(example).all("input") if each.get("autocomplete")}


def test_a_brand_is_seen_and_can_be_read_whatever_its_colours() -> None:
    for colour in ("#000000", "#ffffff", "#ffee00", "#777777", "#1f5fbf", "#ff6f61"):
        brand = Brand(primary=colour)
        found = dict(re.findall(r"(--[\w-]+):(#\w{6})", brand.tokens().partition("}")[0]))
        assert contrast(colour, found["--on-brand"]) >= 4.5
        assert contrast("#ffffff", found["--link"]) >= 4.5
        dark = dict(re.findall(r"(--link):(#\w{6})", brand.tokens().partition("@media")[2]))
        assert contrast("#1a1c22", dark["--link"]) >= 4.5


def test_a_button_that_would_vanish_on_the_card_has_an_edge() -> None:
    for colour, light, dark in (
        ("#ffffff", "var(--field)", "transparent"),
        ("#ffff66", "var(--field)", "transparent"),
        ("#000011", "transparent", "var(--field)"),
        ("#3347d1", "transparent", "transparent"),
    ):
        assert re.findall(r"--edge:([^;}]+)", Brand(primary=colour).tokens()) == [light, dark]


def test_somebody_can_type_at_once_wherever_there_is_something_to_type() -> None:
    focused = {each.name: [one["id"] for one in read(each).all("input") if "autofocus" in one] for each in GALLERY}
    assert focused["identifier"] == focused["identifier-offered"] == focused["identifier-error"] == ["username"]
    assert focused["login-offered"] == focused["password"] == focused["password-error"] == ["password"]
    assert focused["reset-request"] == ["email"]
    prefilled = next(each for each in GALLERY if each.name == "reset-request")
    assert [one["id"] for one in read(prefilled, identifier=ADA).all("input") if "autofocus" in one] == ["email"]


def test_a_rule_that_a_password_breaks_is_told_by_more_than_its_colour() -> None:
    example = next(each for each in GALLERY if each.name == "signup-error")
    for tag, word in (("en", "Missing:"), ("de", "Fehlt:"), ("ar", "غير مستوفى:")):
        assert read(example, tag).texts.count(word) == 3


def test_text_grows_with_the_size_that_its_reader_has_set() -> None:
    assert not re.findall(r"font(?:-size)?:[^;}]*\dpx", (ROOM / "static" / "page.css").read_text())


def test_only_colours_and_our_own_pictures_reach_a_page() -> None:
    colours = {"primary": "red;}body{display:none", "page_background": "url(//evil.ex)"}
    settings = {"friendly_name": "Nord", "support_url": "javascript:alert(1)", "picture_url": "https://evil.ex/x.png"}
    brand = Brand.of("tenant", settings, {"colors": colours, "logo_url": "https://evil.ex/x.png"}, {}, {})
    assert brand == Brand(name="Nord")
    gradient = {"type": "linear-gradient", "start": "#fff", "end": "#a1B2c3", "angle_deg": 30}
    brand = Brand.of("tenant", {}, {"colors": {"page_background": gradient}}, {"identifier_first": False}, {})
    assert brand.background == "linear-gradient(30deg,#ffffff,#a1b2c3) fixed"
    assert not brand.identifier_first


def test_the_answer_to_a_form_may_lead_to_the_application() -> None:
    form_action = ("https://app.example/cb?x=1", "com.example.app:/cb", "http://[::1]:4000/cb", "https://a'; x/")
    reply = GALLERY[0].shown(form_action=form_action)
    policy = dict(reply.headers)["content-security-policy"]
    assert "form-action 'self' https://app.example com.example.app: http: https:;" in policy
    assert source_of("http://127.0.0.1:5000/cb") == "http://127.0.0.1:5000"
