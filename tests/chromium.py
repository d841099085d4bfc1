"""A real browser for tests: the Chromium that the machine has, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
BOUND: Final = 20_000
"""Milliseconds that anything may take."""


def program() -> str:
    """Where Chromium is; where there is none, the test is skipped and says so."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("chromium is not installed")
    return found


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """A private window, which believes any certificate."""
    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=BOUND)
        context = browser.new_context(ignore_https_errors=True, locale="en-US")
        context.set_default_timeout(BOUND)
        try:
            yield context
        finally:
            context.close()
            browser.close()
