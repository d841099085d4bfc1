"""Owns the discovery documents: asked from `token`, remembered, and asked again when something was heard."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.runtime.errors import Unavailable
from services.gateway.projections.keys import FRESH_SECONDS, STALE_SECONDS, Document, TooOld

PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")

SETTLING_SECONDS = 5.0
"""After a fact `token` may need a moment to hear it too; so long every reader asks again."""

RETRY_SECONDS = 0.5

Ask = Callable[[str, str], Awaitable[Document]]
"""From a tenant and a path to its document; raises Unavailable."""


@dataclass(frozen=True)
class _Remembered:
    document: Document
    at: float


class Discovery:
    """What `token` said of each tenant, for as long as it may be said again without it."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._remembered: dict[tuple[str, str], _Remembered] = {}
        self._settles_at: dict[str, float] = {}
        self._wanted: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._asking: dict[tuple[str, str], asyncio.Task[Document]] = {}

    def heard(self, tenant: str) -> None:
        """A fact about the tenant, its settings or its keys: what is remembered may no longer be so."""
        self._settles_at[tenant] = self._clock() + SETTLING_SECONDS
        self._wanted[tenant] = None
        self._wake.set()

    async def document(self, tenant: str, path: str) -> Document:
        """The document; raises Unavailable when `token` is away and nothing younger than an hour is remembered."""
        known = self._remembered.get((tenant, path))
        if known is not None and self._is_settled(tenant) and self._clock() - known.at < FRESH_SECONDS:
            return known.document
        try:
            return await self._renewed(tenant, path)
        except Unavailable:
            if known is None:
                raise
            if self._clock() - known.at > STALE_SECONDS:
                raise TooOld from None
            return known.document

    async def keep(self) -> None:
        """Ask in advance for what was heard of: a background task."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for tenant in list(self._wanted):
                await self._prefetch(tenant)
            if self._wanted:
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()

    async def _prefetch(self, tenant: str) -> None:
        """Ask for both documents, until `token` has had its moment."""
        is_settled = self._is_settled(tenant)
        try:
            for path in PATHS:
                await self._renewed(tenant, path)
        except Unavailable:
            return
        if is_settled:
            self._wanted.pop(tenant, None)

    async def _renewed(self, tenant: str, path: str) -> Document:
        """Ask once for all who wait for the same document."""
        key = (tenant, path)
        if (asking := self._asking.get(key)) is None:
            asking = self._asking[key] = asyncio.create_task(self._fetch(tenant, path))
            asking.add_done_callback(lambda _: self._asking.pop(key))
        return await asyncio.shield(asking)

    async def _fetch(self, tenant: str, path: str) -> Document:
        at = self._clock()
        document = await self._ask(tenant, path)
        self._remembered[tenant, path] = _Remembered(document, at)
        return document

    def _is_settled(self, tenant: str) -> bool:
        return self._clock() >= self._settles_at.get(tenant, 0.0)
