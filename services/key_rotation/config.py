"""Owns the settings of `key_rotation`, and those of the vault, which `token` reads as well."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from libs.settings import Count, Pause, Secret, Span


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may say about `key_rotation`."""

    postgres_url: Secret
    """Postgres, with the role `limen_key_rotation`."""
    nats_url: Secret
    """NATS, with the user `key_rotation`."""
    jwks_max_age: Span = timedelta(minutes=10)
    """How long others may keep the JWKS; no key but a tenant's first signs sooner after its publication."""
    key_lead: Pause = timedelta(hours=24)
    """How long before it signs a key is published, unless somebody rotates on demand."""
    key_rotation: Span = timedelta(days=90)
    """How long a key signs."""
    management_slots: Count = 16
    """Requests of the Management API answered at once in one process; one more is told to come back."""

    management_requests_per_second: Count = 1000
    """Requests of one application to the Management API a second, in one process; one more is answered 429."""


@dataclass(frozen=True, kw_only=True)
class VaultSettings:
    """Where the keys come from that wrap the signing keys."""

    key_vault: Literal["file", "environment"] = "file"
    """Which vault: a file, or an environment variable."""
    key_vault_path: Path | None = None
    """The file of the vault `file`: lines `id:base64url of 32 bytes`, the first wraps; readable by its owner alone."""
    key_encryption_keys: Secret | None = None
    """The keys of the vault `environment`: `id:base64url of 32 bytes`, several parted by commas, the first wraps."""
