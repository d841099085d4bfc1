"""The vault `file`: key-encryption keys from a file that its owner alone may read."""

import os
import stat
from pathlib import Path
from typing import Final

from libs.sealed import Keyring, keyring_from_text
from libs.settings import SettingsError
from services.key_rotation.config import VaultSettings

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def keyring(settings: VaultSettings) -> Keyring:
    """The keys of the file."""
    path = settings.key_vault_path
    if path is None:
        raise SettingsError("LIMEN_KEY_VAULT_PATH is not set, and LIMEN_KEY_VAULT is file.")
    return keyring_from_text(_read(path))


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            # Asked of the open file: what is checked is what is read.
            _require_private(path, os.fstat(file.fileno()).st_mode)
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"LIMEN_KEY_VAULT_PATH {path} cannot be read: {error}.") from error


def _require_private(path: Path, mode: int) -> None:
    if mode & _OTHERS:
        raise SettingsError(f"LIMEN_KEY_VAULT_PATH {path} may be read by others than its owner: chmod 600 it.")
