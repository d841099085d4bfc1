import pytest

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
