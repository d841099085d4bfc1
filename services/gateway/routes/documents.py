"""Owns the answers from memory: the JWKS, the discovery documents, and the page at `/`."""

from collections.abc import Callable
from datetime import timedelta

from libs.edge.wire import VERSION, Reply
from services.gateway.filters.exchange import Exchange
from services.gateway.projections.discovery import Discovery
from services.gateway.projections.keys import Document, Keys

WELCOME = b"This is Limen, an identity platform.\nStart at /.well-known/openid-configuration\n"


class Documents:
    """Answers GET and HEAD, with an entity tag (RFC 9110 section 8.8.3) and for how long it may be kept."""

    def __init__(
        self, keys: Keys, keys_silent_for: Callable[[], float], discovery: Discovery, max_age: timedelta
    ) -> None:
        self._keys = keys
        self._keys_silent_for = keys_silent_for
        self._discovery = discovery
        self._cache_control = ("cache-control", f"public, max-age={int(max_age.total_seconds())}")

    async def jwks(self, exchange: Exchange) -> Reply:
        """The tenant's public keys; Unavailable when what is known is older than an hour."""
        return self._answer(exchange, self._keys.document(exchange.tenant, silent_for=self._keys_silent_for()))

    async def discovery(self, exchange: Exchange) -> Reply:
        """One of the two discovery documents; Unavailable when there is none, or none younger than an hour."""
        return self._answer(exchange, await self._discovery.document(exchange.tenant, exchange.path))

    async def root(self, _: Exchange) -> Reply:
        """A page for whoever opens the address in a browser."""
        return Reply(VERSION, 200, [("content-type", "text/plain; charset=utf-8")], WELCOME)

    def _answer(self, exchange: Exchange, document: Document) -> Reply:
        kept = [("etag", document.etag), self._cache_control]
        if _has(exchange.header("if-none-match"), document.etag):
            return Reply(VERSION, 304, kept, b"")
        return Reply(VERSION, 200, [("content-type", "application/json"), *kept], document.body)


def _has(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this version: weak comparison (RFC 9110 section 13.1.2)."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]
