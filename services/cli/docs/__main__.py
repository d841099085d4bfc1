"""Writes the reference pages, or says which are stale; `make docs`."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from services.cli.docs import (
    asyncapi,
    command_line,
    endpoints,
    errors,
    events,
    metrics,
    openapi,
    properties,
    public_events,
    schemas,
    security,
    settings,
)

REFERENCE: Final = Path(__file__).parents[3] / "docs" / "reference"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": settings.page,
    "events.md": events.page,
    "endpoints.md": endpoints.page,
    "errors.md": errors.page,
    "metrics.md": metrics.page,
    "command-line.md": command_line.page,
    "security.md": security.page,
    "openapi.json": openapi.page,
    "properties.md": properties.page,
    "public-events.md": public_events.page,
    "asyncapi.json": asyncapi.page,
    **schemas.pages(),
}

FOLDERS: Final = (schemas.FOLDER,)
"""Where nothing but pages is."""


def stale() -> list[str]:
    """The names of pages whose file says something else than the code, and of files that are no page any more."""
    return [*(name for name in PAGES if is_stale(name)), *superfluous()]


def superfluous() -> list[str]:
    """The names of files in the generated folders that the code does not make."""
    there = (file for folder in FOLDERS for file in sorted((REFERENCE / folder).glob("*")))
    return [name for file in there if (name := file.relative_to(REFERENCE).as_posix()) not in PAGES]


def is_stale(name: str) -> bool:
    """Whether the file of one page says something else than the code."""
    return _written(name) != PAGES[name]()


def main(arguments: list[str]) -> int:
    """0 when the pages are as they should be, 1 when `--check` found one that is not."""
    names = stale()
    if "--check" in arguments:
        for name in names:
            print(f"docs/reference/{name} is stale: run `make docs`", file=sys.stderr)  # noqa: T201 - a command line
        return 1 if names else 0
    for name in names:
        print(f"{_mended(REFERENCE / name, name)} docs/reference/{name}")  # noqa: T201 - a command line
    return 0


def _mended(file: Path, name: str) -> str:
    """What was done so that the file is as it should be."""
    if name not in PAGES:
        file.unlink()
        return "removed"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PAGES[name](), encoding="utf-8")
    return "wrote"


def _written(name: str) -> str:
    try:
        return (REFERENCE / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
