"""Fresh keys: made ahead of time, used once, wrapped for one purpose."""

import asyncio

import pytest

from libs.jose import new_kid
from libs.runtime.clock import Clock
from libs.sealed import Tampered, associated_data, keyring_from_text
from services.key_rotation.commands import purpose_of
from services.key_rotation.vaults.forge import STOCK, Forge
from tests.conftest import Background, eventually
from tests.services.world import KEK


async def test_no_key_of_the_stock_is_used_twice(background: Background) -> None:
    forge = Forge(keyring_from_text(KEK), Clock())
    background(forge.keep_stock())
    await eventually(lambda: len(forge._stock) == STOCK)
    made = await asyncio.gather(*(forge.candidates("t", ["RS256", "PS256"], issuer_name="a.example") for _ in range(4)))
    candidates = [candidate for some in made for candidate in some]
    assert len({candidate.kid for candidate in candidates}) == 8
    assert len({candidate.jwk["n"] for candidate in candidates}) == 8
    await eventually(lambda: len(forge._stock) == STOCK)


async def test_a_wrapped_key_opens_for_its_tenant_kid_and_algorithm_alone() -> None:
    keyring = keyring_from_text(KEK)
    (candidate,) = await Forge(keyring, Clock()).candidates("t", ["ES256"], issuer_name="a.example")
    good = purpose_of("t", candidate.kid, "ES256")
    assert keyring.unwrap(candidate.wrapped, aad=associated_data(**good))
    for changed in ({"tenant": "u"}, {"kid": new_kid()}, {"alg": "RS256"}, {"use": "enc"}):
        with pytest.raises(Tampered):
            keyring.unwrap(candidate.wrapped, aad=associated_data(**(good | changed)))
