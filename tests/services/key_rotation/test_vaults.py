"""One suite for every vault: it opens what it was given, and says in one line why it cannot."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from libs.sealed.aead import kek_id_of
from libs.settings import SettingsError
from services.key_rotation.vaults import VAULTS, open_vault

OLD, NEW = (urlsafe_b64encode(bytes([byte]) * 32).decode().rstrip("=") for byte in (1, 2))

Environ = Callable[[str | None], Mapping[str, str]]
"""What a vault is told when its keys are this text; `None` when there are none."""


def in_environment(_: Path) -> Environ:
    def environ(text: str | None) -> Mapping[str, str]:
        return {"LIMEN_KEY_VAULT": "environment"} | ({} if text is None else {"LIMEN_KEY_ENCRYPTION_KEYS": text})

    return environ


def in_file(folder: Path) -> Environ:
    def environ(text: str | None) -> Mapping[str, str]:
        path = folder / "kek"
        if text is not None:
            path.touch(mode=0o600)
            path.write_text(text)
        return {"LIMEN_KEY_VAULT": "file", "LIMEN_KEY_VAULT_PATH": str(path)}

    return environ


KINDS = {"file": in_file, "environment": in_environment}


@pytest.fixture(params=sorted(VAULTS))
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> Environ:
    return KINDS[request.param](tmp_path)


def test_every_vault_is_tested() -> None:
    assert set(KINDS) == set(VAULTS)


def test_the_first_key_wraps_and_every_key_unwraps(environ: Environ) -> None:
    before = open_vault(environ(f"old:{OLD}"))
    after = open_vault(environ(f"new:{NEW},old:{OLD}"))
    assert after.ids == ("new", "old")
    assert after.unwrap(before.wrap(b"secret", aad=b"x"), aad=b"x") == b"secret"
    assert kek_id_of(after.wrap(b"secret", aad=b"x")) == "new"


def test_keys_may_stand_on_lines(environ: Environ) -> None:
    assert open_vault(environ(f"new:{NEW}\nold:{OLD}\n")).ids == ("new", "old")


@pytest.mark.parametrize("text", [None, "", "\n", "a:short", f"a{NEW}", f"a:{NEW},a:{OLD}", "a:!!!", f"ä:{NEW}"])
def test_a_wrong_source_is_one_line_without_the_key(environ: Environ, text: str | None) -> None:
    with pytest.raises(SettingsError) as refused:
        open_vault(environ(text))
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert "KEY" in sentence or "vault" in sentence
    assert NEW not in sentence


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    environ = in_file(tmp_path)(f"a:{NEW}")
    for mode in (0o640, 0o604, 0o660):
        os.chmod(tmp_path / "kek", mode)  # noqa: PTH101
        with pytest.raises(SettingsError, match="chmod 600"):
            open_vault(environ)


def test_an_unknown_vault_is_refused() -> None:
    with pytest.raises(SettingsError, match="LIMEN_KEY_VAULT"):
        open_vault({"LIMEN_KEY_VAULT": "cloud"})
