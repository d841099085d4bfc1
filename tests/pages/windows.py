"""Shows examples in a real browser as they would come from the service, with their headers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from playwright.sync_api import BrowserContext, Page, Route

from tests.pages.gallery import Example

Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
ADDRESS: Final = "https://login.example/u/login"


@contextmanager
def window(
    context: BrowserContext, example: Example, size: tuple[int, int], theme: Theme = "light", language: str = "en"
) -> Iterator[Page]:
    """The page, loaded into the context's only tab; whatever it asks of others is refused."""
    reply = example.shown(language=language)
    page = context.pages[0] if context.pages else context.new_page()

    def serve(route: Route) -> None:
        if route.request.url == ADDRESS and route.request.method == "GET":
            route.fulfill(status=reply.status, headers=dict(reply.headers), body=reply.body)
        else:
            # A form that was posted changes nothing here: the page stays.
            route.fulfill(status=204)

    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    page.route("**/*", serve)
    try:
        page.goto(ADDRESS)
        yield page
    finally:
        page.unroute("**/*", serve)
