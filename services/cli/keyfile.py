"""Owns the making of the key-encryption key: once, when there is nothing yet that an older one could have wrapped."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from services.cli.datadir import DataDir, write


def vault_environ(data: DataDir, environ: Mapping[str, str], *, is_new: bool) -> dict[str, str]:
    """What services are told of the vault: the environment's choice, else a file, made if the data directory `is_new`.

    A key that is missing where services already ran is not made again: `key_rotation` refuses to start instead, and
    its rows can still be saved by bringing the key back.
    """
    if environ.get("LIMEN_KEY_VAULT", "file") != "file" or environ.get("LIMEN_KEY_VAULT_PATH"):
        return {}
    if is_new and not data.key.exists():
        write(data.key, f"kek_{os.urandom(4).hex()}:{urlsafe_b64encode(os.urandom(32)).decode().rstrip('=')}\n")
    return {"LIMEN_KEY_VAULT": "file", "LIMEN_KEY_VAULT_PATH": str(data.key)}
