"""A person with a browser that keeps cookies and follows nothing by itself, before a whole stack."""

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.stack import Answer, Stack


class Visitor:
    """What somebody does at the address of a stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **query: str) -> Answer:
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, form: Mapping[str, str]) -> Answer:
        return self._ask("POST", path, form)

    def press(self, page: Answer, path: str, **typed: str) -> Answer:
        """Fill in a page's form and press its button."""
        found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.body.decode())
        hidden = {name: unescape(value) for name, value in found}
        return self.post(path, {**hidden, "action": "default", **typed})

    def _ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Answer:
        said = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.stack.request(method, path, form=form, headers={"cookie": said} if said else {})
        for cookie in answer.headers.get_all("set-cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer


def location(answer: Answer) -> str:
    """Where an answer leads."""
    return answer.headers.get("location") or ""


def said(answer: Answer) -> dict[str, str]:
    """The parameters an application is called back with."""
    split = urlsplit(location(answer))
    return dict(parse_qsl(split.query or split.fragment))
