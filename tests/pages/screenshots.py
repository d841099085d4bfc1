"""Makes the pictures of `docs/guides/login-page.md`: `python -m tests.pages.screenshots [folder [name …]]`."""

import asyncio
import sys
from base64 import b64encode
from pathlib import Path
from typing import Final

from playwright.async_api import Browser

from tests.pages.browser import DESKTOP, PHONE, THEMES, browser, document
from tests.pages.gallery import GALLERY, ROOT, Example

SHOWN: Final = (
    "identifier",
    "password-error",
    "signup",
    "consent",
    "account",
    "reset",
    "message-logout",
    "problem-expired",
)
"""The pages of the guide."""

# Phone and desktop side by side: frames of one page, whose picture is taken at half their size.
SHEET: Final = """<style>body{{margin:0;display:flex;gap:24px;padding:24px;background:{ground};width:max-content}}
img{{border-radius:14px;box-shadow:0 0 0 1px #80808066}}</style><img src="data:image/png;base64,{phone}" height="560">
<img src="data:image/png;base64,{desktop}" height="560">"""


async def picture(running: Browser, example: Example, size: tuple[int, int], theme: str, language: str) -> bytes:
    """One page at one size."""
    page = await running.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)  # type: ignore[arg-type]
    try:
        await page.set_content(document(example, language))
        return await page.screenshot()
    finally:
        await page.close()


async def sheet(running: Browser, example: Example, theme: str, language: str = "en") -> bytes:
    """The page on a phone and on a desktop, side by side."""
    phone, desktop = [await picture(running, example, size, theme, language) for size in (PHONE, DESKTOP)]
    page = await running.new_page(viewport={"width": 1300, "height": 610})
    try:
        ground = "#ffffff" if theme == "light" else "#20232b"
        parts = {"phone": b64encode(phone).decode(), "desktop": b64encode(desktop).decode(), "ground": ground}
        await page.set_content(SHEET.format(**parts))
        return await page.screenshot(full_page=True)
    finally:
        await page.close()


async def pictures(folder: Path, names: tuple[str, ...], languages: tuple[str, ...] = ("en",)) -> None:
    """Write a picture of each page and theme."""
    async with browser() as running:
        for example in (each for each in GALLERY if each.name in names):
            for language in languages:
                for theme in THEMES:
                    suffix = "" if language == "en" else f"-{language}"
                    file = folder / f"{example.name}{suffix}-{theme}.png"
                    file.write_bytes(await sheet(running, example, theme, language))


def main() -> None:
    """Into the guide's folder, or into another."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "guides" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(pictures(folder, tuple(sys.argv[2:]) or SHOWN))


if __name__ == "__main__":
    main()
