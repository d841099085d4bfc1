"""Where the keys come from that wrap the signing keys: one file per kind of vault, one line in the table.

A vault is a function from the settings to a keyring; it raises `SettingsError` with one line an operator can act on,
and never makes a key: a key made here could unwrap nothing that exists.
"""

from collections.abc import Callable, Mapping
from typing import Final

from libs.sealed import Keyring, MalformedKeyring
from libs.settings import SettingsError, load
from services.key_rotation.commands import SERVICE
from services.key_rotation.config import VaultSettings
from services.key_rotation.vaults import environment, file

VAULTS: Final[Mapping[str, Callable[[VaultSettings], Keyring]]] = {
    "file": file.keyring,
    "environment": environment.keyring,
}
"""Every vault, by its name in LIMEN_KEY_VAULT."""


def open_vault(environ: Mapping[str, str]) -> Keyring:
    """The keyring of the vault the environment chooses.

    Raises:
        SettingsError: there is no key, or it cannot be read.
    """
    settings = load(VaultSettings, environ, service=SERVICE)
    try:
        return VAULTS[settings.key_vault](settings)
    except MalformedKeyring as error:
        raise SettingsError(
            f"The vault {settings.key_vault!r} of key-encryption keys cannot be used: {error}."
        ) from error
