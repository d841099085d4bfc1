"""Owns a person's browser, as the bench plays it: cookies, redirects, forms."""

import asyncio
import re
from typing import Final
from urllib.parse import urlencode

from tests.bench.http import Connection, Heard, request

FORM: Final = {"content_type": "application/x-www-form-urlencoded"}
FIELD: Final = re.compile(r'<input[^>]*type="hidden"[^>]*>')
NAME: Final = re.compile(r'name="([^"]*)"')
VALUE: Final = re.compile(r'value="([^"]*)"')


class Returning(Connection):
    """A connection that is made anew when the server hung up between two requests, as a browser's is."""

    async def ask(self, request: bytes) -> Heard:
        """Send a whole request and wait for the whole answer."""
        if self.is_over:
            await asyncio.get_running_loop().create_connection(lambda: self, *self.place)
        return await super().ask(request)


class Browser:
    """One person's browser on one connection: cookies, redirects within the issuer, forms."""

    def __init__(self, base: str, connection: Connection, number: int = 0) -> None:
        self._base = base
        self._connection = connection
        self._address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.cookies: dict[str, str] = {}

    async def get(self, url: str) -> Heard:
        """A page; redirects within the issuer are followed."""
        return await self._followed(await self._sent("GET", url), url)

    async def again(self) -> Heard:
        """The page that was got last, anew."""
        return await self._sent("GET", self._at)

    async def submit(self, page: Heard, **filled: str) -> Heard:
        """The page's form, with its hidden fields, sent to where it says."""
        text = page.body.decode()
        hidden = {_of(NAME, each): _of(VALUE, each) for each in FIELD.findall(text)}
        action = re.search(r'<form[^>]*action="([^"]*)"', text)
        url = self._absolute((action.group(1) if action else "").replace("&amp;", "&"), self._at)
        body = urlencode(hidden | filled | {"action": "default"}).encode()
        return await self._followed(await self._sent("POST", url, body), url)

    async def _sent(self, method: str, url: str, body: bytes = b"") -> Heard:
        self._at = url
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"cookie": cookie, "x_forwarded_for": self._address}
        if method == "POST":
            headers |= FORM | {"origin": self._base.rstrip("/"), "sec_fetch_site": "same-origin"}
        heard = await self._connection.ask(request(method, url, body, **headers))
        for each in heard.header("set-cookie"):
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value
        return heard

    async def _followed(self, heard: Heard, url: str) -> Heard:
        while heard.status in {302, 303} and (to := self._absolute(heard.header("location")[0], url)).startswith(
            self._base
        ):
            url = to
            heard = await self._sent("GET", url)
        return heard

    def _absolute(self, location: str, url: str) -> str:
        if location.startswith("/"):
            return self._base.rstrip("/") + location
        return location or url


def _of(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""
