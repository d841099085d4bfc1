"""The vault `environment`: key-encryption keys from LIMEN_KEY_ENCRYPTION_KEYS, or the file its `_FILE` names."""

from libs.sealed import Keyring, keyring_from_text
from libs.settings import SettingsError
from services.key_rotation.config import VaultSettings


def keyring(settings: VaultSettings) -> Keyring:
    """The keys of the variable."""
    if not settings.key_encryption_keys:
        raise SettingsError("LIMEN_KEY_ENCRYPTION_KEYS is not set, and LIMEN_KEY_VAULT is environment.")
    return keyring_from_text(settings.key_encryption_keys.reveal())
