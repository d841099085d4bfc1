from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

import pytest

from libs.settings import (
    Authorities,
    Count,
    Described,
    Pause,
    Port,
    Secret,
    SettingsError,
    Size,
    Span,
    described,
    load,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    nats_url: Secret
    """Where NATS is, and as whom."""
    jwks_max_age: timedelta = timedelta(minutes=10)
    """How long a JWKS may be kept."""
    port: int = 8080
    key: Secret | None = None
    vault: Literal["file", "environment"] = "file"
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    data_dir: Path = Path(".limen")
    quiet: bool = False
    names: tuple[str, ...] = field(default_factory=lambda: ("a", "b"))

    def __post_init__(self) -> None:
        if self.port == 1:
            raise ValueError("LIMEN_PORT 1 is taken by nobody since 1983.")


NATS = {"LIMEN_NATS_URL": "nats://u:p@localhost"}


def test_defaults_hold_when_nothing_is_said() -> None:
    settings = load(Settings, NATS)
    assert settings.jwks_max_age == timedelta(minutes=10)
    assert settings.trusted_proxies == ()


def test_every_type_is_read() -> None:
    settings = load(
        Settings,
        NATS
        | {
            "LIMEN_JWKS_MAX_AGE": "90d",
            "LIMEN_PORT": "1234",
            "LIMEN_KEY": "s3cret",
            "LIMEN_VAULT": "environment",
            "LIMEN_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "LIMEN_DATA_DIR": "/x",
            "LIMEN_QUIET": "yes",
            "LIMEN_NAMES": "c",
        },
    )
    assert settings.jwks_max_age == timedelta(days=90)
    assert settings.port == 1234
    assert settings.key == Secret("s3cret")
    assert settings.vault == "environment"
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert (settings.data_dir, settings.quiet, settings.names) == (Path("/x"), True, ("c",))


@pytest.mark.parametrize(
    ("text", "seconds"), [("10", 10), ("10s", 10), ("5m", 300), ("24h", 86400), ("250ms", 0.25), ("0.5", 0.5)]
)
def test_a_duration_is_seconds_or_has_a_unit(text: str, seconds: float) -> None:
    assert load(Settings, NATS | {"LIMEN_JWKS_MAX_AGE": text}).jwks_max_age == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "LIMEN_JWKS_MAX_AGE",
            "soon",
            "LIMEN_JWKS_MAX_AGE must be a duration such as 90d, 24h, 5m or 10s, not 'soon'.",
        ),
        ("LIMEN_PORT", "\u0661", "LIMEN_PORT must be a whole number"),
        ("LIMEN_VAULT", "kms", "LIMEN_VAULT must be one of file, environment, not 'kms'."),
        ("LIMEN_TRUSTED_PROXIES", "10.0.0.1/8", "LIMEN_TRUSTED_PROXIES must be a network"),
        ("LIMEN_QUIET", "maybe", "LIMEN_QUIET must be true or false"),
        ("LIMEN_PORT", "1", "since 1983"),
        ("LIMEN_KEY_FILE", "/nowhere", "LIMEN_KEY_FILE cannot be read"),
        ("LIMEN_NATS_URL", "", "LIMEN_NATS_URL is not set"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(name: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Settings, NATS | {name: text})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@dataclass(frozen=True, kw_only=True)
class Bounded:
    postgres_url: Secret | None = None
    slots: Count = 4
    size: Size = 4 << 30
    admin_port: Port = 0
    retention: Span = timedelta(days=30)
    delay: Pause = timedelta(0)
    ca_file: Authorities | None = None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("LIMEN_SLOTS", "0", "LIMEN_SLOTS must be a whole number from 1 to 2147483647, not '0'."),
        ("LIMEN_SLOTS", "-1", "LIMEN_SLOTS must be a whole number from 1"),
        ("LIMEN_SLOTS", "2147483648", "LIMEN_SLOTS must be a whole number from 1"),
        ("LIMEN_SLOTS", "many", "LIMEN_SLOTS must be a whole number, not 'many'."),
        ("LIMEN_SIZE", "0", "LIMEN_SIZE must be a number of bytes, at least 1"),
        ("LIMEN_ADMIN_PORT", "70000", "LIMEN_ADMIN_PORT must be a port from 0 to 65535, not '70000'."),
        ("LIMEN_ADMIN_PORT", "-1", "LIMEN_ADMIN_PORT must be a port"),
        ("LIMEN_RETENTION", "0", "LIMEN_RETENTION must be a duration over 0 and up to 36500d, not '0'."),
        ("LIMEN_RETENTION", "99999999d", "LIMEN_RETENTION must be a duration over 0"),
        ("LIMEN_DELAY", "99999999d", "LIMEN_DELAY must be a duration up to 36500d"),
        ("LIMEN_CA_FILE", "/nowhere", "LIMEN_CA_FILE must be a readable PEM file of certificates, not '/nowhere'."),
        ("LIMEN_CA_FILE", "/etc/passwd", "LIMEN_CA_FILE must be a readable PEM file of certificates"),
        ("LIMEN_POSTGRES_URL", "mysql://u:s3cret@h/x", "LIMEN_POSTGRES_URL must be an address such as postgresql://"),
        ("LIMEN_POSTGRES_URL", "postgresql://u:s3cret@h:abc/x", "LIMEN_POSTGRES_URL must be an address"),
        ("LIMEN_POSTGRES_URL", "postgresql://u:s3cret@h:99999/x", "LIMEN_POSTGRES_URL must be an address"),
        ("LIMEN_POSTGRES_URL", "postgresql://u:s3cret/pass@h/x", "LIMEN_POSTGRES_URL must be an address"),
        ("LIMEN_POSTGRES_URL", "s3cret", "LIMEN_POSTGRES_URL must be an address"),
    ],
)
def test_what_is_out_of_bounds_is_one_clear_line(name: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Bounded, {name: text})
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bounds_themselves_are_taken() -> None:
    environ = {"LIMEN_SLOTS": "1", "LIMEN_ADMIN_PORT": "65535", "LIMEN_RETENTION": "36500d", "LIMEN_DELAY": "0"}
    settings = load(Bounded, environ | {"LIMEN_SIZE": "8589934592"})
    assert (settings.slots, settings.admin_port, settings.size) == (1, 65535, 8 << 30)
    assert (settings.retention, settings.delay) == (timedelta(days=36500), timedelta(0))


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p%40%2F@h/x",
        "postgresql://u:p@[::1]:5432/x",
        "postgresql://u@a:5432,b:5433/x?target_session_attrs=read-write",
        "postgresql:///x?host=/run/postgresql",
    ],
)
def test_every_address_that_the_client_takes_is_taken(url: str) -> None:
    assert load(Bounded, {"LIMEN_POSTGRES_URL": url}).postgres_url == Secret(url)


def test_a_secret_comes_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n")
    settings = load(Settings, NATS | {"LIMEN_KEY_FILE": str(tmp_path / "key")})
    assert settings.key is not None
    assert settings.key.reveal() == "from the file"
    with pytest.raises(SettingsError, match="both set"):
        load(Settings, NATS | {"LIMEN_KEY_FILE": str(tmp_path / "key"), "LIMEN_KEY": "x"})


def test_a_service_has_urls_of_its_own() -> None:
    environ = NATS | {"LIMEN_KEY_ROTATION_NATS_URL": "nats://own"}
    assert load(Settings, environ, service="key_rotation").nats_url.reveal() == "nats://own"
    assert load(Settings, environ, service="token").nats_url.reveal() == "nats://u:p@localhost"


@pytest.mark.security("AD-10")
def test_a_secret_does_not_print_itself() -> None:
    settings = load(Settings, NATS | {"LIMEN_KEY": "s3cret"})
    assert "s3cret" not in f"{settings} {settings.key} {settings!r}"


def test_settings_are_described_from_their_source() -> None:
    page = {each.name: each for each in described(Settings)}
    assert page["jwks_max_age"] == Described(
        "jwks_max_age", "LIMEN_JWKS_MAX_AGE", "timedelta", "10m", "How long a JWKS may be kept."
    )
    assert page["nats_url"].default is None
    assert page["port"].doc == ""
    assert page["names"].default == "a,b"
