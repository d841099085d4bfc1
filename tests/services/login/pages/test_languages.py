"""In which language a page speaks."""

from services.login.routes.languages import chosen, preferred
from services.login.routes.showing import LANGUAGES


def tag(ui_locales: str | None = None, accept: str | None = None, enabled: tuple[str, ...] = ()) -> str:
    return chosen(LANGUAGES, ui_locales, accept, enabled).tag


def test_the_application_is_asked_then_the_browser_then_the_tenant() -> None:
    assert tag("ar de", "de") == "ar"
    assert tag("xx de-CH", "ar") == "de"
    assert tag(None, "fr, ar;q=0.5, de;q=0.8") == "de"
    assert tag(None, "fr", ("de", "en")) == "de"
    assert tag(None, None) == "en"


def test_a_tenant_that_names_its_languages_has_no_others() -> None:
    assert tag("ar", "ar", ("de", "en")) == "de"
    assert tag("ar", None, ("en",)) == "en"
    assert tag(None, None, ("zz",)) == "en"


def test_nonsense_is_no_language() -> None:
    assert preferred("de;q=2, *;q=1, , ../../x, ar;q=0, en;q=0.1") == ["en"]
    assert tag("../../etc/passwd \x00 " * 50, "x" * 9000) == "en"
    assert tag(None, ",".join(["de"] * 5000)) == "de"
