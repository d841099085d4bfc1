"""schemathesis, as it comes, against a whole stack: what the OpenAPI page says is what is served (FZ-01)."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT, MakeStack, Stack

DOCUMENT = ROOT / "docs" / "reference" / "openapi.json"

NOT_CHECKED = "positive_data_acceptance"
"""A body may have the right form and name an API that is not there, or promise what does not exist yet."""


@pytest.fixture(scope="module")
def fuzzed(make_stack: MakeStack) -> Stack:
    """A stack of its own: every application, key and setting of it may be changed or deleted."""
    return make_stack()


def run(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    token = stack.management_token()
    url = f"http://localhost:{stack.port}"
    command = [str(Path(sys.executable).with_name("st")), "run", str(DOCUMENT), "--url", url, "--no-color"]
    command += ["--header", f"Authorization: Bearer {token}", "--exclude-checks", NOT_CHECKED, *arguments]
    environ = {"PATH": str(Path(sys.executable).parent), "HOME": str(stack.folder)}
    return subprocess.run(command, cwd=stack.folder, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.security("FZ-01")
def test_the_management_api_is_what_its_page_says(fuzzed: Stack) -> None:
    done = run(fuzzed, "--max-examples", "3", "--seed", "20261126", "--max-time", "8")
    assert done.returncode == 0, done.stdout[-8000:]


@pytest.mark.soak
@pytest.mark.security("FZ-01")
def test_it_is_so_for_a_long_time(fuzzed: Stack) -> None:
    done = run(fuzzed, "--max-examples", "500", "--max-time", "600")
    assert done.returncode == 0, done.stdout[-8000:]
