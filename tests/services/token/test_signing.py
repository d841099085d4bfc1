"""Access and ID tokens that are signed together, whichever algorithms they have, and when the process beside ends."""

import asyncio
import base64
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, cast

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from libs.jose import Signer, SigningKey, new_signing_key
from services.token.grants.signing import SHARE, SLOW, Draft, IdDraft, Signing
from tests.signing import signing_processes

ALGORITHMS: Final = ["RS256", "PS256", "ES256"]
MANY: Final = 2 * SHARE + 3


@pytest.fixture(scope="module")
def keys() -> dict[str, SigningKey]:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    return {alg: new_signing_key(alg, kid=alg, now=now, issuer_name="auth.example") for alg in ALGORITHMS}


@pytest.fixture
async def signing() -> AsyncIterator[Signing]:
    nobody = cast("Any", None)  # who is asked for keys; these are here
    signing = Signing(nobody, nobody, nobody)
    beside = asyncio.create_task(signing.beside())
    yield signing
    beside.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beside


def pairs(keys: dict[str, SigningKey], access: str, identity: str) -> list[Draft]:
    """As many access tokens as make several questions; every third comes alone."""
    drafts = []
    for number in range(MANY):
        drafts.append(Draft(signer(keys[access]), {"sub": str(number)}, "at+jwt"))
        if number % 3:
            drafts[-1].id_token = IdDraft(signer(keys[identity]), {"sub": str(number), "sid": "s"}, drafts[-1])
    return drafts


def signer(key: SigningKey) -> Signer:
    return Signer(key.alg, key.kid, key.private)


async def require_right(signing: Signing, drafts: list[Draft], keys: dict[str, SigningKey]) -> None:
    for number, draft in enumerate(drafts):
        access = await signing.signed(draft)
        assert decoded(access, keys[draft.signer.alg]) == {"sub": str(number)}
        assert (draft.id_token is not None) == bool(number % 3)
        if draft.id_token is not None:
            half = base64.urlsafe_b64encode(sha256(access.encode()).digest()[:16]).decode().rstrip("=")
            said = decoded(await signing.signed(draft.id_token), keys[draft.id_token.signer.alg])
            assert said == {"sub": str(number), "sid": "s", "at_hash": half}


def decoded(text: str, key: SigningKey) -> dict[str, Any]:
    known = ECKey.import_key(key.jwk) if key.alg == "ES256" else RSAKey.import_key(key.jwk)
    return jwt.decode(text, known, algorithms=[key.alg]).claims


@pytest.mark.parametrize("identity", ALGORITHMS)
@pytest.mark.parametrize("access", ALGORITHMS)
async def test_an_id_token_names_its_access_token_whoever_signs(
    signing: Signing, keys: dict[str, SigningKey], access: str, identity: str
) -> None:
    for is_beside in (False, True):
        if is_beside and {access, identity} & SLOW:
            await started()
        drafts = pairs(keys, access, identity)
        signing.sign(drafts)
        await require_right(signing, drafts, keys)


async def test_who_waits_for_a_process_that_is_killed_gets_both_tokens(
    signing: Signing, keys: dict[str, SigningKey]
) -> None:
    signing.sign(pairs(keys, "RS256", "PS256"))
    (pid,) = await started()
    os.kill(pid, signal.SIGSTOP)
    drafts = pairs(keys, "RS256", "PS256")
    signing.sign(drafts)
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    await require_right(signing, drafts, keys)


async def started() -> list[int]:
    """The signing process, once it is there."""
    async with asyncio.timeout(20):
        while not (found := signing_processes()):  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    return found
