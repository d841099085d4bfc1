"""A small browser without JavaScript for tests: a cookie jar, redirects one by one, forms as a person fills them.

    browser = Browser(stack)
    page = browser.open(authorize_url)
    landing = browser.sign_in(page, "ada@example.com", PASSWORD)
    assert landing.parameters["code"]

It stays at the issuer and at the origins it is told to visit. What leads elsewhere is not asked for: it is the
`Page` that says where the way led, with the parameters that were carried there and how.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import Morsel, SimpleCookie
from typing import Final, Literal
from urllib.parse import parse_qsl, urldefrag, urlencode, urljoin, urlsplit

import httpx

from tests.stack import Stack

HOPS: Final = 15
"""Redirects in a row before a real browser gives up."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
IDENTIFIERS: Final = ("username", "email")
NAVIGATION: Final = {
    "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "accept-language": "en",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) tests/browser",
    "sec-fetch-dest": "document",
    "sec-fetch-mode": "navigate",
    "sec-fetch-user": "?1",
}


def origin_of(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass
class Button:
    """What may be pressed: its name and value go with the form."""

    name: str | None
    value: str


@dataclass
class Form:
    """A form as it stands on the page."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)
    attributes: dict[str, str | None] = field(default_factory=dict)

    def filled(self, button: Button | None = None, values: Mapping[str, str] = {}) -> list[tuple[str, str]]:
        """What is sent when `button`, or the first one, is pressed; a value is only for an input that is there."""
        assert set(values) <= set(self.fields), f"no input for {set(values) - set(self.fields)} among {self.fields}"
        pressed = button or (self.buttons[0] if self.buttons else None)
        sent = list({**self.fields, **values}.items())
        return [*sent, (pressed.name, pressed.value)] if pressed and pressed.name else sent

    def asks_for(self, kind: str) -> bool:
        """Whether a person is asked for this."""
        return kind in self.fields and self.types[kind] != "hidden"


@dataclass
class Page:
    """What a navigation came to: a page that was shown, or (`landed`) an address outside to which it led."""

    url: str
    status: int
    headers: httpx.Headers
    text: str
    landed: Literal["query", "fragment", "form"] | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    redirects: list[httpx.Response] = field(default_factory=list)
    """Every answer on the way that led on."""

    @property
    def forms(self) -> list[Form]:
        return _read(self).forms

    @property
    def links(self) -> dict[str, str]:
        """Addresses by the text of their links."""
        return _read(self).links

    @property
    def address(self) -> str:
        """The address without query and fragment."""
        return urlsplit(self.url)._replace(query="", fragment="").geturl()

    def form(self, *inputs: str) -> Form:
        """The first form that asks for any of these, or the first one that posts."""
        found = [each for each in self.forms if any(each.asks_for(name) for name in inputs)] if inputs else self.forms
        assert found, f"no form with {inputs} at {self}"
        return found[0]

    def asks_for(self, *inputs: str) -> bool:
        return any(form.asks_for(name) for form in self.forms for name in inputs)

    def has_button(self, value: str) -> bool:
        return any(button.value == value for form in self.forms for button in form.buttons)

    def __str__(self) -> str:
        said = re.sub(r"(?s)<(style|script).*?</\1>|\n\s*\n", "", self.text)
        return f"{self.status} {self.url} {self.landed or ''} {self.parameters or ''}\n{said[:4000]}"


class Jar:
    """Cookies as a browser keeps them: by host and path, whatever the port; `Secure` and `__Host-` are obeyed."""

    def __init__(self) -> None:
        self.cookies: dict[tuple[str, str, str], Morsel[str]] = {}

    def take(self, url: str, headers: httpx.Headers) -> None:
        for line in headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self._put(url, name, morsel)

    def _put(self, url: str, name: str, morsel: "Morsel[str]") -> None:
        parts = urlsplit(url)
        is_secure, path = parts.scheme == "https", morsel["path"] or "/"
        assert not morsel["domain"], f"{name} has a Domain"
        if morsel["secure"] and not is_secure:
            return
        if name.startswith("__Host-"):
            assert morsel["secure"], f"{name} lacks Secure"
            assert path == "/", f"{name} has the path {path}"
        key = (str(parts.hostname), path, name)
        if _is_over(morsel):
            self.cookies.pop(key, None)
        else:
            self.cookies[key] = morsel

    def header(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        sent = [
            f"{name}={morsel.coded_value}"
            for (host, path, name), morsel in self.cookies.items()
            if host == parts.hostname
            and _is_below(parts.path or "/", path)
            and (parts.scheme == "https" or not morsel["secure"])
        ]
        return {"cookie": "; ".join(sent)} if sent else {}

    def __iter__(self) -> Iterator[str]:
        return (name for _, _, name in self.cookies)

    def __getitem__(self, name: str) -> str:
        return next(morsel.value for (_, _, each), morsel in self.cookies.items() if each == name)

    def __contains__(self, name: str) -> bool:
        return name in iter(self)

    def named(self, beginning: str) -> list[str]:
        """The names that begin so, after `__Host-`."""
        return [name for name in self if name.removeprefix("__Host-").startswith(beginning)]


class Browser:
    """One person's browser; a second one is another person, or a private window."""

    def __init__(self, stack: Stack, *visits: str) -> None:
        self.issuer = stack.issuer
        self.visits = {origin_of(self.issuer), *map(origin_of, visits)}
        self.jar = Jar()
        self.http = httpx.Client(verify=stack.trusted, trust_env=False, timeout=20, follow_redirects=False)

    def close(self) -> None:
        self.http.close()

    # Navigation.

    def open(self, url: str, **headers: str) -> Page:
        """Type an address."""
        return self._go("GET", urljoin(self.issuer, url), None, {"sec-fetch-site": "none"} | headers)

    def follow(self, page: Page, text: str) -> Page:
        """Click the link whose text begins so."""
        found = [url for words, url in page.links.items() if words.startswith(text)]
        assert found, f"no link {text} among {page.links} at {page}"
        return self._go("GET", found[0], None, {"sec-fetch-site": "same-origin"})

    def submit(
        self,
        page: Page,
        values: Mapping[str, str] = {},
        *,
        form: Form | None = None,
        button: str | None = None,
        headers: Mapping[str, str] = {},
    ) -> Page:
        """Fill `values` in and press a button of a form, the first one if none is named by its value."""
        chosen = form or page.form(*values)
        pressed = next((each for each in chosen.buttons if each.value == button), None)
        assert pressed or button is None, f"no button {button} in {chosen}"
        fields = chosen.filled(pressed, values)
        target = urljoin(page.url, chosen.action)
        if chosen.method == "get":
            return self._go("GET", f"{target.partition('?')[0]}?{urlencode(fields)}", None, {})
        site = "same-origin" if origin_of(target) == origin_of(page.url) else "cross-site"
        return self._go("POST", target, fields, {"sec-fetch-site": site, "origin": origin_of(page.url), **headers})

    def press(self, page: Page, value: str) -> Page:
        """Press the button that has this value, in whichever form it stands."""
        form = next((each for each in page.forms if any(button.value == value for button in each.buttons)), None)
        assert form, f"no button {value} at {page}"
        return self.submit(page, form=form, button=value)

    def post(self, url: str, fields: Mapping[str, str], *, coming_from: str, **headers: str) -> Page:
        """Submit a form that stands on a page of another site."""
        site = {"sec-fetch-site": "cross-site", "origin": coming_from}
        return self._go("POST", urljoin(self.issuer, url), list(fields.items()), site | headers)

    def _go(self, method: str, url: str, body: list[tuple[str, str]] | None, headers: Mapping[str, str]) -> Page:
        redirects: list[httpx.Response] = []
        while len(redirects) < HOPS:
            url = urlsplit(url)._replace(path=urlsplit(url).path or "/").geturl() if "://" in url else url
            if origin_of(url) not in self.visits:
                return self._left(url, body, redirects)
            answer = self._asked(method, url, body, headers)
            if answer.status_code not in REDIRECTS:
                return self._shown(answer, url, redirects)
            redirects.append(answer)
            url = _inheriting(urljoin(url, answer.headers["location"]), url)
            if answer.status_code not in {307, 308}:
                method, body = "GET", None
        raise AssertionError(f"redirected {HOPS} times, last to {url}")

    def _asked(
        self, method: str, url: str, body: list[tuple[str, str]] | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        sent = NAVIGATION | dict(headers) | self.jar.header(url)
        content = None if body is None else urlencode(body).encode()
        if content is not None:
            sent = {"content-type": "application/x-www-form-urlencoded"} | sent
        answer = self.http.request(method, urldefrag(url).url, content=content, headers=sent)
        self.jar.take(url, answer.headers)
        return answer

    def _shown(self, answer: httpx.Response, url: str, redirects: list[httpx.Response]) -> Page:
        page = Page(url, answer.status_code, answer.headers, answer.text, redirects=redirects)
        posting = next((form for form in page.forms if _submits_itself(page, form)), None)
        if posting is None:
            return page
        landing = self.submit(page, form=posting)
        landing.redirects[:0] = [*redirects, answer]
        return landing

    def _left(self, url: str, body: list[tuple[str, str]] | None, redirects: list[httpx.Response]) -> Page:
        parts = urlsplit(url)
        how: Literal["query", "fragment", "form"] = (
            "form" if body is not None else "fragment" if parts.fragment else "query"
        )
        pairs = body if body is not None else parse_qsl(parts.fragment or parts.query, keep_blank_values=True)
        assert len(dict(pairs)) == len(pairs), f"a parameter twice: {pairs}"
        return Page(url, 0, httpx.Headers(), "", how, dict(pairs), redirects)

    # What a person does.

    def sign_in(self, page: Page, identifier: str, password: str) -> Page:
        """Answer the pages' questions, on one page or two, and accept what is asked, until the way leads elsewhere."""
        has_answered = False
        for _ in range(4):
            if page.landed is None and page.asks_for(*IDENTIFIERS, "password"):
                assert page.status == 200, page
                page = self.submit(page, _answers(page, identifier, password))
                has_answered = True
        assert has_answered, f"nobody was asked to sign in: {page}"
        return self.accepted(page)

    def sign_up(self, page: Page, email: str, password: str) -> Page:
        """The same on the pages on which a stranger makes an account."""
        if page.links and "/u/signup" not in page.url:
            page = self.follow(page, "Sign up")
        for _ in range(2):
            if page.landed is None and page.asks_for(*IDENTIFIERS, "password"):
                page = self.submit(page, _answers(page, email, password))
        return self.accepted(page)

    def accepted(self, page: Page) -> Page:
        """Consent where it is asked for."""
        return self.press(page, "accept") if page.landed is None and page.has_button("accept") else page


@contextmanager
def browsing(stack: Stack, *visits: str) -> Iterator[Browser]:
    """A browser that is closed in the end."""
    browser = Browser(stack, *visits)
    try:
        yield browser
    finally:
        browser.close()


def _answers(page: Page, identifier: str, password: str) -> dict[str, str]:
    form = page.form(*IDENTIFIERS, "password")
    given = dict.fromkeys(IDENTIFIERS, identifier) | {"password": password}
    return {name: value for name, value in given.items() if form.asks_for(name)}


def _submits_itself(page: Page, form: Form) -> bool:
    """Whether it is the page of form_post: a form of hidden fields that a script submits at once."""
    has_only_hidden = all(kind == "hidden" for kind in form.types.values())
    return has_only_hidden and form.method == "post" and ".submit()" in page.text


def _inheriting(url: str, before: str) -> str:
    """A redirect without a fragment keeps the one there was (RFC 9110 section 10.2.2)."""
    fragment = urlsplit(before).fragment
    return url if "#" in url or not fragment else f"{url}#{fragment}"


def _is_over(morsel: "Morsel[str]") -> bool:
    return morsel["max-age"] in {"0", 0} or "1970" in str(morsel["expires"]) or not morsel.value


def _is_below(path: str, parent: str) -> bool:
    return path == parent or path.startswith(parent if parent.endswith("/") else f"{parent}/")


class _Reader(HTMLParser):
    """Reads forms and links."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self._form: Form | None = None
        self._link: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._form = Form(given.get("action") or self.url, (given.get("method") or "get").lower(), attributes=given)
            self.forms.append(self._form)
        elif tag == "a" and given.get("href"):
            self._link = (urljoin(self.url, given["href"]), [])
        elif self._form is not None and tag in {"input", "button", "select", "textarea"}:
            self._control(self._form, tag, given)

    def _control(self, form: Form, tag: str, given: Mapping[str, str | None]) -> None:
        kind, name, value = (
            given.get("type") or ("submit" if tag == "button" else "text"),
            given.get("name"),
            given.get("value") or "",
        )
        if "disabled" in given:
            return
        if kind == "submit":
            form.buttons.append(Button(name, value))
        elif name and kind not in {"button", "reset"} and (kind not in {"checkbox", "radio"} or "checked" in given):
            form.fields[name], form.types[name] = value, kind

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "a" and self._link is not None:
            self.links[" ".join("".join(self._link[1]).split())] = self._link[0]
            self._link = None

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self._link[1].append(data)


def _read(page: Page) -> _Reader:
    reader = _Reader(page.url)
    reader.feed(page.text)
    return reader


def every_cookie(pages: Iterable[httpx.Response]) -> list[str]:
    """Every Set-Cookie line of some answers."""
    return [line for page in pages for line in page.headers.get_list("set-cookie")]
