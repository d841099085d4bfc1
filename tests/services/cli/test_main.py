import subprocess
from pathlib import Path

import pytest

from services.cli import plan
from services.cli.main import VERBS, command, usage, version


def test_help_names_every_verb_a_person_may_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert command([], {}) == 0
    assert capsys.readouterr().out == usage() + "\n"
    assert all((f"  {name} " in usage()) == verb.is_shown for name, verb in VERBS.items())


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["--version"], {}) == 0
    assert capsys.readouterr().out == f"limen {version()}\n"


def test_an_unknown_verb_is_one_line_and_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["fly"], {}) == 2
    assert capsys.readouterr().err == "limen: there is no verb 'fly'; `limen --help` lists them.\n"


def test_a_full_disk_behind_standard_output_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        said = subprocess.run(
            (*plan.limen("--help"),), stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path
        )
    assert said.returncode == 1
    assert said.stderr == "limen: cannot write what was to be said: No space left on device.\n"


@pytest.mark.parametrize("arguments", [("list",), ("create", "acme", "--domain", "acme.example")])
def test_tenants_without_a_stack_are_one_line_and_code_two(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["tenant", *arguments], {"LIMEN_DATA_DIR": str(tmp_path / "none")}) == 2
    assert capsys.readouterr().err == "limen: LIMEN_NATS_URL is not set, and it has no default.\n"


def test_a_data_directory_that_is_a_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert command(["doctor"], {"LIMEN_DATA_DIR": str(tmp_path / "file")}) == 2
    assert capsys.readouterr().err == f"limen: {tmp_path / 'file'} is no directory; LIMEN_DATA_DIR names one.\n"


@pytest.mark.parametrize("start", ["0", "-5"])
def test_a_subscriber_begins_at_a_position_that_there_is(start: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["subscriber", "add", "billing", "--from", start], {"LIMEN_DATA_DIR": "/nowhere"}) == 2
    assert capsys.readouterr().err == "limen: --from counts from 1.\n"
