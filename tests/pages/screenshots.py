"""Makes the pictures of `docs/guides/login-page.md`: `python -m tests.pages.screenshots [folder [name …]]`."""

import sys
from base64 import b64encode
from pathlib import Path
from typing import Final

from playwright.sync_api import BrowserContext

from tests.chromium import chromium
from tests.pages.gallery import GALLERY, ROOT, Example
from tests.pages.windows import THEMES, Theme, window

PHONE: Final = (390, 844)
DESKTOP: Final = (1280, 800)
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

TRANSLATED: Final = ("password", "ar")
"""The one that is shown from right to left."""

# Phone and desktop side by side, at about half their size, which keeps the files small.
SHEET: Final = """<style>body{{margin:0;display:flex;gap:20px;padding:20px;background:{ground};width:max-content}}
img{{border-radius:12px;box-shadow:0 0 0 1px #80808066}}</style><img src="data:image/png;base64,{phone}" height="440">
<img src="data:image/png;base64,{desktop}" height="440">"""


def sheet(context: BrowserContext, example: Example, theme: Theme, language: str = "en") -> bytes:
    """The page on a phone and on a desktop, side by side."""
    taken = []
    for size in (PHONE, DESKTOP):
        with window(context, example, size, theme, language) as page:
            taken.append(b64encode(page.screenshot()).decode())
    page = context.new_page()
    page.set_viewport_size({"width": 970, "height": 480})
    ground = "#ffffff" if theme == "light" else "#20232b"
    page.set_content(SHEET.format(phone=taken[0], desktop=taken[1], ground=ground))
    try:
        return page.screenshot()
    finally:
        page.close()


def main() -> None:
    """Into the guide's folder, or into another."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "guides" / "images"
    names = tuple(sys.argv[2:]) or SHOWN
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(each, "en", each.name) for each in GALLERY if each.name in names]
    wanted += [(each, TRANSLATED[1], "-".join(TRANSLATED)) for each in GALLERY if each.name == TRANSLATED[0]]
    with chromium() as context:
        for example, language, name in wanted:
            for theme in THEMES:
                (folder / f"{name}-{theme}.png").write_bytes(sheet(context, example, theme, language))


if __name__ == "__main__":
    main()
