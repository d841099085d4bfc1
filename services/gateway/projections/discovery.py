"""Owns the discovery documents: asked from `token`, remembered, and asked again when something was heard."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from libs.runtime.errors import Unavailable
from services.gateway.projections.keys import FRESH_SECONDS, STALE_SECONDS, Document

PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")

SETTLING_SECONDS = 5.0
"""After a fact `token` may need a moment to hear it too; so long every reader asks again."""

RETRY_SECONDS = 0.5
"""After a question without an answer; so long what is remembered serves without another try."""

Ask = Callable[[str, str], Awaitable[Document]]
"""From a tenant and a path to its document; raises Unavailable."""


class NobodyThere(Unavailable):
    """The tenant is not open yet: there is nothing to ask in advance."""


class _Remembered(NamedTuple):
    document: Document
    at: float


class Discovery:
    """What `token` said of each tenant, for as long as it may be said again without it."""

    def __init__(self, ask: Ask, clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._remembered: dict[tuple[str, str], _Remembered] = {}
        self._settles_at: dict[str, float] = {}
        self._failed_at: dict[tuple[str, str], float] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[Document]] = {}
        self._due: dict[str, float] = {}
        self._wake = asyncio.Event()

    def heard(self, tenant: str) -> None:
        """A fact about the tenant, its settings or its keys: what is remembered may no longer be so."""
        self._settles_at[tenant] = self._clock() + SETTLING_SECONDS
        self._due[tenant] = self._clock()
        self._wake.set()

    async def document(self, tenant: str, path: str) -> Document:
        """The document; raises Unavailable when `token` is away and nothing younger than an hour is remembered."""
        known = self._remembered.get((tenant, path))
        if known is not None and self._may_serve(tenant, path, known):
            return known.document
        try:
            return await self._renewed(tenant, path)
        except Unavailable:
            if known is None or self._age(known) > STALE_SECONDS:
                raise
            return known.document

    def _may_serve(self, tenant: str, path: str, known: _Remembered) -> bool:
        """Whether what is remembered is good, or the best to be had for the moment."""
        has_just_failed = self._clock() - self._failed_at.get((tenant, path), 0.0) < RETRY_SECONDS
        is_fresh = self._is_settled(tenant) and self._age(known) < FRESH_SECONDS
        return is_fresh or (has_just_failed and self._age(known) <= STALE_SECONDS)

    def _is_settled(self, tenant: str) -> bool:
        return self._clock() >= self._settles_at.get(tenant, 0.0)

    def _age(self, known: _Remembered) -> float:
        return self._clock() - known.at

    async def keep(self) -> None:
        """Ask in advance for what was heard of, and again when `token` has had its moment: a background task."""
        while True:
            await self._waken()
            for tenant in [each for each, due in self._due.items() if due <= self._clock()]:
                await self._prefetch(tenant)

    async def _waken(self) -> None:
        """Wait for a fact, or for the next tenant that is due."""
        self._wake.clear()
        left = min(self._due.values(), default=None)
        try:
            async with asyncio.timeout(None if left is None else max(0.0, left - self._clock())):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _prefetch(self, tenant: str) -> None:
        due, settles_at = self._due[tenant], self._settles_at[tenant]
        try:
            for path in PATHS:
                await self._renewed(tenant, path)
        except NobodyThere:
            self._done(tenant, due)
        except Unavailable:
            self._due[tenant] = self._clock() + RETRY_SECONDS
        else:
            if due >= settles_at:
                self._done(tenant, due)
            else:
                self._due[tenant] = settles_at

    def _done(self, tenant: str, due: float) -> None:
        """Nothing more to do, unless something was heard meanwhile."""
        if self._due.get(tenant) == due:
            del self._due[tenant]

    async def _renewed(self, tenant: str, path: str) -> Document:
        """Ask once for all who wait for the same document."""
        key = (tenant, path)
        if (asking := self._asking.get(key)) is None:
            asking = self._asking[key] = asyncio.create_task(self._fetch(tenant, path))
            asking.add_done_callback(lambda _: self._asking.pop(key))
        return await asyncio.shield(asking)

    async def _fetch(self, tenant: str, path: str) -> Document:
        at = self._clock()
        try:
            document = await self._ask(tenant, path)
        except Unavailable:
            self._failed_at[tenant, path] = self._clock()
            raise
        self._remembered[tenant, path] = _Remembered(document, at)
        return document
