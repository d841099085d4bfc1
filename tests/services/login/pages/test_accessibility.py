"""Every page before axe-core, in a real browser, by day and by night (WCAG 2.2 AA), and on the smallest phone."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext

from libs.edge.wire import Reply
from services.login.routes.brand import Brand
from tests.chromium import chromium, private
from tests.pages.gallery import BRAND, GALLERY, Example
from tests.pages.windows import Theme, window
from tests.sdk.install import Missing, folder

RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SMALLEST: Final = (320, 640)
PHONE: Final = (390, 844)
VIEWS: Final[tuple[tuple[Theme, str, tuple[int, int]], ...]] = (("light", "en", PHONE), ("dark", "ar", SMALLEST))
EACH: Final = pytest.mark.parametrize("example", GALLERY, ids=lambda each: each.name)

SMALL_TARGETS: Final = """() => [...document.querySelectorAll("button,input,a")]
  .filter(each => !["hidden", "checkbox"].includes(each.type))
  .filter(each => !each.closest(".help") && each.tabIndex >= 0 && !each.hidden)
  .filter(each => each.getBoundingClientRect().height < 44).map(each => each.outerHTML)"""


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def axe() -> str:
    try:
        return Path(folder(), "node_modules", "axe-core", "axe.min.js").read_text()
    except Missing as missing:
        pytest.skip(f"axe-core is not there: {missing}")


@EACH
def test_axe_finds_nothing_and_everything_fits(context: BrowserContext, axe: str, example: Example) -> None:
    for theme, language, size in VIEWS:
        with window(context, example, size, theme, language) as page:
            page.evaluate(axe)
            found: dict[str, Any] = page.evaluate(f"() => axe.run(document, {json.dumps(RULES)})")
            said = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
            assert said == [], theme
            assert found["passes"]
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
            assert page.evaluate(SMALL_TARGETS) == []


def test_nothing_on_a_page_is_refused_by_its_own_policy(context: BrowserContext) -> None:
    said: list[str] = []
    with window(context, GALLERY[0], PHONE) as page:
        page.on("console", lambda message: said.append(message.text))
        page.reload()
        assert page.evaluate("getComputedStyle(document.querySelector('main')).paddingTop") == "32px"
        assert said == []


def test_a_password_is_shown_to_whoever_wants_to_see_it(context: BrowserContext) -> None:
    example = next(each for each in GALLERY if each.name == "password")
    with window(context, example, PHONE) as page:
        page.fill("#password", "a secret")
        page.check("#show-password")
        assert page.get_attribute("#password", "type") == "text"
        page.uncheck("#show-password")
        assert page.get_attribute("#password", "type") == "password"


def test_whoever_made_a_mistake_is_led_to_it(context: BrowserContext) -> None:
    example = next(each for each in GALLERY if each.name == "password-error")
    with window(context, example, PHONE) as page:
        assert page.evaluate("document.activeElement.id") == "password"
        assert page.get_attribute("#password", "aria-describedby") == "password-error"


def test_whoever_is_told_of_a_refusal_begins_there(context: BrowserContext) -> None:
    example = next(each for each in GALLERY if each.name == "login-error")
    with window(context, example, PHONE) as page:
        assert page.evaluate("document.activeElement.id") == "form-error"


def _named(name: str) -> Example:
    return next(each for each in GALLERY if each.name == name)


SEND: Final = "() => document.forms[0].dispatchEvent(new SubmitEvent('submit', {cancelable: true}))"
"""Whether the browser would send the form now."""


def test_a_form_is_sent_once_also_while_its_page_still_loads(context: BrowserContext) -> None:
    with window(context, _named("password"), PHONE) as page:
        assert page.evaluate(SEND)
        # A logo that comes late ends the loading now.
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: false}))")
        assert not page.evaluate(SEND)
        # Somebody went back to the page as it was.
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        assert page.evaluate(SEND)


def test_who_stopped_a_form_that_was_slow_may_send_it_again(context: BrowserContext) -> None:
    assert context.browser is not None
    with private(context.browser) as own:  # whose clock is the test's
        own.clock.install()
        with window(own, _named("password"), PHONE) as page:
            assert page.evaluate(SEND)
            own.clock.fast_forward(9_000)
            assert not page.evaluate(SEND)
            own.clock.fast_forward(1_000)
            assert page.evaluate(SEND)


@dataclass(frozen=True)
class Branded(Example):
    """A page of a tenant that looks so."""

    brand: Brand = BRAND

    def shown(self, *, language: str = "en", **more: Any) -> Reply:
        return super().shown(language=language, **{**more, "brand": self.brand})


def test_a_logo_keeps_its_shape_on_whichever_side_it_stands(context: BrowserContext) -> None:
    drawn = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="90"/>'  # ten times as wide as high
    logo = "data:image/svg+xml;base64," + b64encode(drawn.encode()).decode()
    example = Branded("logo", "identifier.html", brand=replace(BRAND, logo_url=logo))
    fitted = "(each => [each.objectFit, each.objectPosition.split(' ')[0]])(getComputedStyle(document.images[0]))"
    for language, side in (("en", "0px"), ("ar", "100%")):
        with window(context, example, PHONE, "light", language) as page:
            assert page.evaluate(fitted) == ["contain", side]


@pytest.mark.parametrize("logo_url", [None, "data:image/png;base64,AAAA"], ids=["no logo", "a broken logo"])
def test_a_name_without_a_space_fits_on_the_smallest_phone(context: BrowserContext, logo_url: str | None) -> None:
    named = replace(BRAND, name="Donaudampfschifffahrtsgesellschaft" * 6, logo_url=logo_url)
    with window(context, Branded("name", "identifier.html", brand=named), SMALLEST) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALLEST[0]
