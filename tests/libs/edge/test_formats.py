import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.edge.formats import FORMATS

DANGEROUS = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "DATA:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://a.example/x",
    "about:blank",
    "view-source:https://a.example",
]

NOT_OUTSIDE = [
    "http://a.example/",
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/x",
    "https://[::1]/",
    "https://0.0.0.0/",
    "https://169.254.169.254/",
    "https://10.0.0.1/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[ff02::1]/",
    "https://224.0.0.1/",
    "https://2130706433/",
    "https://127.1/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://localhost/",
    "https://localhost./",
    "https://x.localhost/",
    "https://localtest/",
    "https://user@a.example/",
    "https://a.example@127.0.0.1/",
    "https://a.example\\@127.0.0.1/",
    "https://a.example/#x",
    "https:///x",
    "https://",
    "https:a.example",
    "https://a.example:x/",
    "https://a.example:/",
    "https://a.example:99999/",
    "https://a..example/",
    "https://*.example/",
    "https://a_b.example/",
    "https://é.example/",
    "https://a.example/ x",
    "https://a.example/\n",
    "https://a.example/%zz",
    "https://a%2eexample/",
    "gopher://a.example/",
    "ftp://a.example/",
    "file:///etc/passwd",
    "//a.example/",
    "",
]


@pytest.mark.security("SF-01")
@pytest.mark.parametrize("url", NOT_OUTSIDE + DANGEROUS)
def test_an_url_that_does_not_lead_outside_over_https_is_not_fetched(url: str) -> None:
    assert not FORMATS["https-url"](url)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "https://a.example:8443/keys?x=1&y=%20",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/x",
        "https://xn--bcher-kva.example/(a)/~b/*",
        "HTTPS://A.EXAMPLE/",
    ],
)
def test_an_ordinary_url_is_accepted(url: str) -> None:
    assert FORMATS["https-url"](url)


@pytest.mark.security("SF-01")
@pytest.mark.parametrize("url", NOT_OUTSIDE + DANGEROUS)
def test_the_formats_for_urls_that_may_be_absent_or_hold_placeholders_are_no_laxer(url: str) -> None:
    assert FORMATS["https-url-or-empty"](url) is (url == "")
    assert not FORMATS["https-url-template"](url)


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("https://a.example/{organization_name}?o={organization_id}", True),
        ("https://{organization_name}.a.example/", True),
        ("https://{organization_name}/", False),
        ("https://127.0.0.{organization_name}/", False),
        ("https://a.example/{organization_name", False),
        ("https://a.example/{}", False),
    ],
)
def test_placeholders_are_for_paths_and_lower_domains(text: str, is_good: bool) -> None:  # noqa: FBT001
    assert FORMATS["https-url-template"](text) is is_good


@pytest.mark.security("RU-05")
@pytest.mark.parametrize("url", DANGEROUS)
@pytest.mark.parametrize("name", ["redirect-uri", "web-url", "origin", "https-url", "api-identifier"])
def test_dangerous_schemes_are_refused_whatever_their_case(name: str, url: str) -> None:
    assert not FORMATS[name](url)


@pytest.mark.parametrize(
    ("uri", "is_good"),
    [
        ("https://app.example/cb", True),
        ("https://app.example/cb?a=b", True),
        ("http://localhost:3000/cb", True),
        ("http://127.0.0.1/cb", True),
        ("http://[::1]:1/cb", True),
        ("com.example.app:/cb", True),
        ("com.example.app://a.example/cb", True),
        ("http://app.example/cb", False),
        ("http://localhost.evil.example/cb", False),
        ("https://app.example/cb#x", False),
        ("https://app.example/cb#", False),
        ("https://*.app.example/cb", False),
        ("https://app.example/*", False),
        ("https://app.example/cb?code=x", False),
        ("https://app.example/cb?state", False),
        ("https://app.example/cb?iss=", False),
        ("https://u@app.example/cb", False),
        ("/cb", False),
    ],
)
def test_redirect_uris(uri: str, is_good: bool) -> None:  # noqa: FBT001
    assert FORMATS["redirect-uri"](uri) is is_good


@pytest.mark.parametrize(
    ("origin", "is_good"),
    [
        ("https://app.example", True),
        ("https://app.example:8443", True),
        ("http://localhost:3000", True),
        ("https://app.example/", False),
        ("https://app.example?x", False),
        ("http://app.example", False),
        ("app.example", False),
        ("null", False),
        ("*", False),
    ],
)
def test_origins(origin: str, is_good: bool) -> None:  # noqa: FBT001
    assert FORMATS["origin"](origin) is is_good


@pytest.mark.parametrize(
    ("name", "text", "is_good"),
    [
        ("api-identifier", "https://api.example/", True),
        ("api-identifier", "urn:my:api", True),
        ("api-identifier", "my-api", True),
        ("api-identifier", "my api", False),
        ("api-identifier", 'my"api', False),
        ("api-identifier", "", False),
        ("scope", "read:things", True),
        ("scope", "read things", False),
        ("ip-network", "192.0.2.7", True),
        ("ip-network", "192.0.2.0/24", True),
        ("ip-network", "2001:db8::/32", True),
        ("ip-network", "fe80::1%eth0", False),
        ("ip-network", "192.0.2.0/33", False),
        ("ip-network", "auth.example", False),
        ("hostname", "auth.example", True),
        ("hostname", "auth.example.", False),
        ("hostname", "1.2.3.4", False),
        ("hostname", "a" * 254, False),
        ("email", "a.b+c@example.com", True),
        ("email", "=?utf-8?q?admin?=@example.com", False),
        ("email", "a@b", False),
        ("email", "a@b.example\n", False),
    ],
)
def test_identifiers(name: str, text: str, is_good: bool) -> None:  # noqa: FBT001
    assert FORMATS[name](text) is is_good


@pytest.mark.security("DS-05")
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "text", ["a" * 50_000, "a." * 25_000 + "!", "https://" + "a-" * 25_000, "a@" + "a." * 25_000, "0" * 50_000]
)
def test_no_text_takes_long(name: str, text: str) -> None:
    started = time.process_time()
    FORMATS[name](text)
    assert time.process_time() - started < 0.2


@pytest.mark.security("FZ-03")
@given(st.text() | st.text(alphabet="htps:/[]@.#?%0a:1x", max_size=30).map(lambda tail: f"https://{tail}"))
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    for is_good in FORMATS.values():
        assert is_good(text) in {True, False}
