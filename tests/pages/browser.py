"""Owns the browser of these tests: Debian's Chromium, driven by Playwright, which brings none of its own here."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

from tests.pages.gallery import Example

THEMES: Final = ("light", "dark")
PHONE: Final = (390, 844)
DESKTOP: Final = (1280, 800)
NARROW: Final = (320, 640)


def chromium() -> str | None:
    """Where it is, or nothing: the reason for skipping."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """The browser, for a while."""
    async with async_playwright() as driver:
        # Whoever is root in a container has no sandbox to give.
        running = await driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield running
        finally:
            await running.close()


def document(example: Example, language: str = "en") -> str:
    """The page's HTML."""
    return example.shown(language=language).body.decode()
