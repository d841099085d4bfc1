"""What `key_rotation` refuses to start with, and that it never makes a key in place of one it cannot open."""

from base64 import urlsafe_b64encode

import pytest

from libs.sealed import keyring_from_text
from libs.settings import SettingsError
from services.key_rotation.vaults.proof import prove
from tests.services.world import KEK, World

OTHER = urlsafe_b64encode(b"\x01" * 32).decode().rstrip("=")


async def test_stored_keys_without_their_key_encryption_key_stop_the_start(world: World) -> None:
    before = await world.facts("key_rotation")
    async with world.database("key_rotation") as database:
        with pytest.raises(SettingsError, match=r"k1.*not loaded"):
            await prove(keyring_from_text(f"k2:{OTHER}"), database)
        with pytest.raises(SettingsError, match="LIMEN_KEY_VAULT"):
            await prove(keyring_from_text(f"k1:{OTHER}"), database)
        await prove(keyring_from_text(f"k2:{OTHER},{KEK}"), database)
    assert await world.facts("key_rotation") == before
