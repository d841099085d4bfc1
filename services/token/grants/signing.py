"""The signing keys this process holds: asked of key_rotation as wrapped blobs, opened here, used here.

Which key is due is decided from the followed schedule by the clock, on every replica alike. A key that is due but not
held is asked for; until it comes its predecessor signs, for five minutes, and then nothing does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from libs.bus import Bus
from libs.edge.asks import ask
from libs.jose import CannotSign, FollowedKeys, Signer, private_key_from_der, signing_key
from libs.jose.sign import token, with_hash
from libs.jose.signing_process import SigningProcess, ToSign
from libs.runtime.errors import Unavailable
from libs.sealed import Keyring, Tampered, UnknownKeyEncryptionKey, associated_data
from libs.telemetry.logs import log
from services.key_rotation.commands import SigningKeysAnswer, SigningKeysOf, WrappedKey, purpose_of

SLOW: Final = frozenset({"RS256", "PS256"})
SHARE: Final = 16
"""Tokens in one question to the signing process: the first need not wait for a whole batch, few go together."""

PATIENCE: Final = 1.0
"""Seconds between two asks for a key that did not come."""


class NoSigningKey(Unavailable):
    """No key that may sign is held."""


class Draft:
    """A token that is decided: what is to be signed, and, once it is, its text."""

    __slots__ = ("_input", "claims", "done", "id_token", "is_slow", "signer", "text")

    def __init__(self, signer: Signer, claims: Mapping[str, Any], typ: str) -> None:
        self.signer, self.claims = signer, claims
        self._input = self._encoded(typ)
        self.is_slow = signer.alg in SLOW
        self.done = asyncio.Event()
        self.text: str | None = None
        self.id_token: IdDraft | None = None
        """The ID token that comes with it, if it is an access token."""

    def _encoded(self, typ: str) -> bytes:
        return self.signer.signing_input(self.claims, typ=typ)

    def sign(self) -> str:
        """The token, signed the first time this is called."""
        return self.text or self.signed_by(self.signer.signature(self.signing_input()))

    def signed_by(self, signature: bytes) -> str:
        """The token, with a signature that was made of it."""
        self.text = token(self.signing_input(), signature)
        return self.text

    def signing_input(self) -> bytes:
        """What is signed."""
        return self._input

    def begin(self) -> "list[Draft]":
        """Sign what takes no time; what remains to be signed, of it and of the ID token that comes with it."""
        if not self.is_slow:
            self.sign()
        both = (self, self.id_token) if self.id_token else (self,)
        return [each for each in both if each.is_slow]

    def asked(self) -> ToSign:
        """The question."""
        return ToSign(self.signer, self._input)


class IdDraft(Draft):
    """An ID token that comes with an access token, names it by its hash and is therefore signed after it."""

    __slots__ = ("access",)

    def __init__(self, signer: Signer, claims: Mapping[str, Any], access: Draft) -> None:
        super().__init__(signer, claims, "JWT")
        self.access = access

    def _encoded(self, typ: str) -> bytes:
        return self.signer.lacking_hash(self.claims, typ=typ)

    def signing_input(self) -> bytes:
        """What is signed; the access token is signed by then, or now."""
        return with_hash(self._input, self.access.sign())

    def asked(self) -> ToSign:
        """The question; the access token is the one before it, or signed already."""
        if self.access.is_slow:
            return ToSign(self.signer, self._input, names_last=True)
        return ToSign(self.signer, self.signing_input())


def _signed(drafts: Sequence[Draft], signatures: Sequence[bytes] | None) -> None:
    """Whoever finds no signature makes it."""
    for draft, signature in zip(drafts, signatures or (), strict=signatures is not None):
        draft.signed_by(signature)
    for draft in drafts:
        draft.done.set()


class Signing:
    """Signers by tenant and algorithm."""

    def __init__(self, bus: Bus, keys: FollowedKeys, keyring: Keyring) -> None:
        self._bus = bus
        self._keys = keys
        self._keyring = keyring
        self._held: dict[str, dict[str, Signer]] = {}
        self._wanted: set[str] = set()
        self._wake = asyncio.Event()
        self._process = SigningProcess()

    def want(self, tenant: str) -> None:
        """A key of `tenant` was published: fetch it before it is due."""
        self._wanted.add(tenant)
        self._wake.set()

    async def beside(self) -> None:
        """Keep the process that signs with RSA, for ever (a background task)."""
        await self._process.run()

    async def run(self) -> None:
        """Fetch what is wanted, for ever (a background task)."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for tenant in list(self._wanted):
                await self._fetch_patiently(tenant)
            if self._wanted:
                await asyncio.sleep(PATIENCE)
                self._wake.set()

    async def _fetch_patiently(self, tenant: str) -> None:
        try:
            await self.fetch(tenant)
        except Unavailable as error:
            log.info("signing keys wait", tenant=tenant, reason=repr(error))
        else:
            self._wanted.discard(tenant)

    async def signer(self, tenant: str, alg: str, now: datetime) -> Signer:
        """The signer of the key that is due.

        Raises:
            NoSigningKey: none is due, or none that is held may still sign.
        """
        found = self._due(tenant, alg, now)
        if found is None:
            await self.fetch(tenant)
            found = self._due(tenant, alg, now)
        if found is None:
            raise NoSigningKey(f"no {alg} key of tenant {tenant} may sign")
        return found

    def sign(self, drafts: Sequence[Draft]) -> None:
        """Sign what is not signed yet; RSA, ten times what ES256 takes, in the process beside this one."""
        together: list[Draft] = []
        for draft in drafts:
            slow = draft.begin()
            if len(together) + len(slow) > SHARE:
                self._submit(together)
                together = []
            together += slow
        if together:
            self._submit(together)

    def _submit(self, drafts: Sequence[Draft]) -> None:
        asked = [draft.asked() for draft in drafts]
        if not self._process.submit(asked, partial(_signed, drafts)):
            _signed(drafts, None)

    async def signed(self, draft: Draft) -> str:
        """The token of a draft that was handed to `sign`, or is signed now."""
        if draft.is_slow:
            await draft.done.wait()
        return draft.sign()

    async def token(self, signer: Signer, claims: Mapping[str, Any], typ: str) -> str:
        """A token of its own, signed now."""
        draft = Draft(signer, claims, typ)
        self.sign([draft])
        return await self.signed(draft)

    def held(self, tenant: str, alg: str, now: datetime) -> Signer:
        """The signer of the key that is due, for who may not ask for it: it is fetched beside.

        Raises:
            NoSigningKey: it is not here yet.
        """
        found = self._due(tenant, alg, now)
        if found is None:
            self.want(tenant)
            raise NoSigningKey(f"no {alg} key of tenant {tenant} is held yet")
        return found

    def _due(self, tenant: str, alg: str, now: datetime) -> Signer | None:
        held = self._held.get(tenant, {})
        try:
            return held[signing_key(self._keys.keys(tenant), alg, now, held.keys()).kid]
        except CannotSign:
            return None

    async def fetch(self, tenant: str) -> None:
        """Ask for the tenant's keys and open them; forget those that are no longer among them.

        Raises:
            Unavailable: key_rotation is away.
        """
        answer = await ask(self._bus, "key_rotation", "signing_keys", SigningKeysOf(tenant=tenant), SigningKeysAnswer)
        held = self._held.get(tenant, {})
        self._held[tenant] = {
            each.kid: held.get(each.kid) or self._opened(tenant, each) for each in answer.keys if not each.is_revoked
        }
        for kid in held.keys() - self._held[tenant].keys():
            self._process.forget(kid)

    def _opened(self, tenant: str, key: WrappedKey) -> Signer:
        try:
            der = self._keyring.unwrap(key.wrapped, aad=associated_data(**purpose_of(tenant, key.kid, key.alg)))
        except (Tampered, UnknownKeyEncryptionKey) as error:
            raise NoSigningKey(f"key {key.kid} cannot be opened: {error}") from error
        return Signer(key.alg, key.kid, private_key_from_der(der))
