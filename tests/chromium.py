"""A real browser for tests: the Chromium that the machine has, driven by Playwright.

`python -m tests.chromium` installs one where there is none, the machine knows apt-get, and whoever asks is root.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
BOUND: Final = 20_000
"""Milliseconds that anything may take."""

PATIENCE: Final = 300
"""Seconds for installing it."""


def installed() -> str | None:
    """Where Chromium is, if it is."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def program() -> str:
    """Where Chromium is; where there is none, the test is skipped and says so."""
    found = installed()
    if found is None:
        pytest.skip("chromium is not installed")
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """It runs, and shows nothing yet."""
    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=BOUND)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def private(browser: Browser) -> Iterator[BrowserContext]:
    """A private window, which believes any certificate and shares nothing with another one."""
    context = browser.new_context(ignore_https_errors=True, locale="en-US")
    context.set_default_timeout(BOUND)
    try:
        yield context
    finally:
        context.close()


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """A private window of a browser of its own."""
    with launched() as browser, private(browser) as context:
        yield context


def main() -> int:
    """Install ahead; a machine where that cannot be is told so and is none the worse."""
    try:
        print(f"Chromium of the tests is {installed() or _installed_now()}")  # noqa: T201
    except (OSError, subprocess.SubprocessError) as error:
        print(f"the tests with a real browser will be skipped: {error}", file=sys.stderr)  # noqa: T201
    return 0


def _installed_now() -> str:
    if os.geteuid() or shutil.which("apt-get") is None:
        raise FileNotFoundError("chromium is not installed, and only root of a machine with apt-get could")
    for words in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", "-qq", *words], check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL)
    return str(installed())


if __name__ == "__main__":
    sys.exit(main())
