"""Where a command speaks, and that no stack's secret is ever sent to another place, nor in the clear."""

from pathlib import Path

import pytest

from libs.settings import SettingsError
from services.cli.configuration.place import found
from services.cli.errors import Refused

OWN = {
    "LIMEN_ISSUER": "https://localhost:8443/",
    "LIMEN_DOMAIN": "localhost:8443",
    "LIMEN_MANAGEMENT_CLIENT_ID": "own",
    "LIMEN_MANAGEMENT_CLIENT_SECRET": "s3cret-of-the-stack",
}
OTHER = {"LIMEN_MANAGEMENT_CLIENT_ID": "other", "LIMEN_MANAGEMENT_CLIENT_SECRET": "theirs"}


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """An environment whose data directory belongs to a stack with `--tls`."""
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.pem").write_text("a certificate")
    (tmp_path / "quickstart.env").write_text("".join(f"{name}={value}\n" for name, value in OWN.items()))
    return {"LIMEN_DATA_DIR": str(tmp_path)}


def test_by_default_it_is_the_stack_that_runs_here_with_its_own_ca(here: dict[str, str]) -> None:
    place = found(here, None, None)
    assert (place.issuer, place.client_id) == ("https://localhost:8443/", "own")
    assert place.client_secret.reveal() == "s3cret-of-the-stack"
    assert place.audience == "https://localhost:8443/api/v2/"
    assert place.ca == Path(here["LIMEN_DATA_DIR"]) / "tls" / "ca.pem"
    assert "s3cret" not in repr(place)


@pytest.mark.parametrize("said", ["localhost:8443", "https://localhost:8443", "https://localhost:8443/"])
def test_naming_the_stack_is_the_same(here: dict[str, str], said: str) -> None:
    assert found(here, said, None) == found(here, None, None) == found({**here, "LIMEN_DOMAIN": said}, None, None)


@pytest.mark.security("AD-10")
@pytest.mark.parametrize("environ", [{}, {"LIMEN_MANAGEMENT_CLIENT_ID": "other"}])
def test_the_secret_of_the_stack_is_not_for_another_place(here: dict[str, str], environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="is not set"):
        found({**here, **environ}, "https://evil.example", None)


@pytest.mark.security("AD-10")
def test_an_application_named_by_the_environment_is_not_given_the_secret_of_the_stacks(here: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="SECRET is not set"):
        found({**here, "LIMEN_MANAGEMENT_CLIENT_ID": "other"}, None, None)


def test_another_place_is_spoken_to_with_what_the_environment_says(here: dict[str, str], tmp_path: Path) -> None:
    place = found({**here, **OTHER, "LIMEN_DOMAIN": "id.example"}, None, None)
    assert (place.issuer, place.client_id, place.client_secret.reveal()) == ("https://id.example/", "other", "theirs")
    assert place.ca is None
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    environ = {"LIMEN_MANAGEMENT_CLIENT_ID": "other", "LIMEN_MANAGEMENT_CLIENT_SECRET_FILE": str(secret)}
    assert found({**here, **environ}, "id.example", str(secret)).client_secret.reveal() == "from a file"


def test_a_sourced_quickstart_env_is_enough() -> None:
    environ = {**OWN, "LIMEN_ISSUER": "http://localhost:8080/", "LIMEN_DOMAIN": "localhost:8080"}
    place = found({**environ, "LIMEN_DATA_DIR": "/nowhere"}, None, None)
    assert (place.issuer, place.client_id, place.ca) == ("http://localhost:8080/", "own", None)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("http://id.example/", "in the clear"),
        ("http://10.0.0.1:8080", "in the clear"),
        ("http://localhost.evil.example", "in the clear"),
        ("ftp://id.example", "is no domain"),
        ("https://user:password@id.example", "is no domain"),
        ("https://id.example/tenant", "is no domain"),
        ("https://id.example?x=1", "is no domain"),
        ("https://", "is no domain"),
        ("https://id.example:port", "is no domain"),
    ],
)
def test_a_place_that_is_none_or_not_safe_is_refused(here: dict[str, str], said: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        found({**here, **OTHER}, said, None)


@pytest.mark.parametrize(
    "said", ["http://localhost:1", "http://shop.localhost:1", "http://127.0.0.1:1", "http://[::1]:1"]
)
def test_on_this_machine_http_will_do(here: dict[str, str], said: str) -> None:
    assert found({**here, **OTHER}, said, None).issuer == f"{said}/"


def test_no_place_at_all_and_no_ca_are_one_line_each(here: dict[str, str]) -> None:
    with pytest.raises(Refused, match="which tenant"):
        found({"LIMEN_DATA_DIR": "/nowhere"}, None, None)
    with pytest.raises(Refused, match="no such file"):
        found(here, None, "/nowhere.pem")
