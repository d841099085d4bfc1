"""Owns where the npm packages of these tests are: installed by name once, in a cache outside the tree.

`python -m tests.sdk.install` installs them ahead; the tests do it themselves where nobody did.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent / "node"
PACKAGES: Final = HERE / "package.json"
PATIENCE: Final = 240


class Missing(Exception):
    """There is no npm, or it could not install; the message is the reason for skipping."""


def folder() -> Path:
    """Where the packages are installed.

    Raises:
        Missing: they cannot be.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing("node and npm are not installed")
    # Whoever has no home has a temporary folder; one that exists is whole, because it is moved there when it is.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")  # noqa: TID251  # a cache is not a setting
    place = cache / "limen-sdk-tests" / hashlib.sha256(PACKAGES.read_bytes()).hexdigest()[:16]
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        _install(place)
    return place


def _install(place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent) as name:
        new = Path(name) / "new"
        new.mkdir()
        shutil.copy(PACKAGES, new)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        try:
            done = subprocess.run(command, cwd=new, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as error:
            raise Missing("npm did not finish in time") from error
        if done.returncode:
            raise Missing(f"npm could not install: {(done.stderr.strip() or done.stdout.strip())[-300:]}")
        if not place.exists():
            new.rename(place)


def main() -> int:
    """Install ahead; a machine without npm is told so and is none the worse."""
    try:
        print(f"npm packages of the tests are in {folder()}")  # noqa: T201
    except Missing as missing:
        print(f"the tests with npm packages will be skipped: {missing}", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
