"""The import contracts of pyproject.toml notice what they are there for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

OFFENCES: Final = {
    "services/token/helpers.py": "",  # a room that does not exist
    "services/token/rules/upward.py": "import services.token.app",
    "services/token/rules/driver.py": "import asyncpg",
    "services/token/grants/foreign.py": "from services.tenants.rules import tenant",
    "services/token/grants/command_line.py": "import services.cli.up",
    "libs/edge/second_door.py": "import nats",
    "libs/jose/knows.py": "import services.tenants.events",
    "libs/oauth/circle.py": "import libs.edge",
}


def lint(root: Path) -> str:
    environ = {"PATH": os.defpath, "PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_every_contract_is_broken_by_what_it_forbids(tmp_path: Path) -> None:
    for name in ("libs", "services"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, text in OFFENCES.items():
        (tmp_path / path).write_text(f'"""An offence."""\n{text}\n')
    said = lint(tmp_path)
    assert "Contracts: 0 kept, 8 broken." in said, said
