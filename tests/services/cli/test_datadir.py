import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.cli import datadir, up
from services.cli.datadir import DataDir, found_stack, require_disk, write, write_json
from services.cli.errors import Refused
from services.cli.quickstart import NAMES, merged, read, rendered

OWN = dict.fromkeys(NAMES, "x") | {"LIMEN_POSTGRES_URL": "postgresql://own/limen", "LIMEN_NATS_URL": "nats://own"}
PRIVATE = {"LIMEN_TOKEN_POSTGRES_URL": "postgresql://token@own/limen", "LIMEN_TOKEN_NATS_URL": "nats://token@own"}


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    data.make()
    return data


def test_passwords_are_made_once_kept_private_and_never_look_like_a_number(data: DataDir) -> None:
    first = data.kept_passwords(["nats token"])
    assert re.fullmatch(r"[a-z][0-9a-f]{48}", first["nats token"])
    assert data.kept_passwords(["nats token", "nats sys"])["nats token"] == first["nats token"]
    assert stat.S_IMODE(data.passwords.stat().st_mode) == 0o600


def test_a_damaged_file_is_one_line(data: DataDir) -> None:
    write(data.passwords, "{")
    with pytest.raises(Refused, match="is damaged"):
        data.kept_passwords(["nats token"])


def test_a_verb_finds_the_stack_by_its_data_directory(data: DataDir) -> None:
    write(data.quickstart, rendered(OWN))
    write_json(data.environment, PRIVATE)
    found = found_stack({"LIMEN_DATA_DIR": str(data.path)})
    assert found == OWN | PRIVATE | {"LIMEN_DATA_DIR": str(data.path)}


def test_an_address_of_another_stack_takes_the_services_addresses_with_it(data: DataDir) -> None:
    write(data.quickstart, rendered(OWN))
    write_json(data.environment, PRIVATE)
    found = found_stack({"LIMEN_DATA_DIR": str(data.path), "LIMEN_POSTGRES_URL": "postgresql://other/limen"})
    assert found["LIMEN_POSTGRES_URL"] == "postgresql://other/limen"
    assert "LIMEN_TOKEN_POSTGRES_URL" not in found
    assert found["LIMEN_TOKEN_NATS_URL"] == "nats://token@own"


def test_an_empty_address_counts_as_none(data: DataDir) -> None:
    write(data.quickstart, rendered(OWN))
    write_json(data.environment, PRIVATE)
    here = {"LIMEN_DATA_DIR": str(data.path)}
    assert found_stack(here | {"LIMEN_POSTGRES_URL": "", "LIMEN_NATS_URL": ""}) == found_stack(here)


def test_an_address_may_be_in_a_file(data: DataDir, tmp_path: Path) -> None:
    write(data.quickstart, rendered(OWN))
    write_json(data.environment, PRIVATE)
    (tmp_path / "url").write_text("postgresql://other/limen\n", encoding="utf-8")
    here = {"LIMEN_DATA_DIR": str(data.path)}
    for name in ("LIMEN_POSTGRES_URL", "LIMEN_TOKEN_POSTGRES_URL"):
        found = found_stack(here | {f"{name}_FILE": str(tmp_path / "url")})
        assert found == found_stack(here | {name: "postgresql://other/limen"})
    with pytest.raises(Refused, match="LIMEN_NATS_URL and LIMEN_NATS_URL_FILE are both set"):
        found_stack(here | {"LIMEN_NATS_URL": "nats://x", "LIMEN_NATS_URL_FILE": str(tmp_path / "url")})
    with pytest.raises(Refused, match="LIMEN_NATS_URL_FILE cannot be read"):
        found_stack(here | {"LIMEN_NATS_URL_FILE": str(tmp_path / "none")})
    # `limen up` too, which would start servers of its own where it is given none.
    with pytest.raises(Refused, match="LIMEN_NATS_URL_FILE cannot be read"):
        up.run([], here | {"LIMEN_NATS_URL_FILE": str(tmp_path / "none")})


@contextmanager
def as_somebody_else(path: Path) -> Iterator[None]:
    """What is in `path` may not be read meanwhile, by the superuser neither."""
    user = os.geteuid()
    path.chmod(0)
    if not user:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        path.chmod(0o700)


def test_the_directory_of_somebody_else_is_said_to_be_one(data: DataDir) -> None:
    write(data.quickstart, rendered(OWN))
    here = {"LIMEN_DATA_DIR": str(data.path)}
    with as_somebody_else(data.path):
        with pytest.raises(Refused, match="is not yours to read") as refused:
            found_stack(here)
        assert found_stack(here | {"LIMEN_NATS_URL": "nats://x"}) == here | {"LIMEN_NATS_URL": "nats://x"}
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("damage", [b"LIMEN_ISSUER='http://x\n", b"\xff=1\n"])
def test_a_damaged_quickstart_is_one_line(data: DataDir, damage: bytes) -> None:
    data.quickstart.write_bytes(damage)
    with pytest.raises(Refused, match=r"quickstart.env is damaged: .*; `limen up` makes it anew"):
        found_stack({"LIMEN_DATA_DIR": str(data.path)})


def test_without_a_stack_the_environment_stands_alone(tmp_path: Path) -> None:
    assert found_stack({"LIMEN_DATA_DIR": str(tmp_path / "none")}) == {"LIMEN_DATA_DIR": str(tmp_path / "none")}


def test_quickstart_values_survive_a_shells_quoting(data: DataDir) -> None:
    values = OWN | {"LIMEN_POSTGRES_URL": "postgresql://a:b@h/limen?a=1&b='2'"}
    write(data.quickstart, rendered(values))
    assert read(data.quickstart) == values


def test_an_old_secret_is_kept_only_for_the_same_client() -> None:
    old = {"LIMEN_CLIENT_ID": "a", "LIMEN_CLIENT_SECRET": "s"}
    assert merged(old, {"client_id": "a", "client_secret": None}, "p", "n")["LIMEN_CLIENT_SECRET"] == "s"
    assert merged(old, {"client_id": "b", "client_secret": None}, "p", "n")["LIMEN_CLIENT_SECRET"] == ""
    assert merged(old, {"client_id": "a", "client_secret": "t"}, "p", "n")["LIMEN_CLIENT_SECRET"] == "t"


def test_a_nearly_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_disk(tmp_path)
    monkeypatch.setattr(datadir, "ENOUGH_DISK", 2**62)
    with pytest.raises(Refused, match="is nearly full"):
        require_disk(tmp_path)
