"""Owns the read model of origins: from which ones the scripts of a tenant's applications call, followed from `token`.

Only the origins are kept, each as one text however many applications name it: ten thousand applications with three
origins each are a few megabytes.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from libs.eventstore import Catalogue, Envelope, Event
from services.token.events import CATALOGUE as TOKEN_FACTS
from services.token.events import ClientChanged, ClientDeleted, ClientRegistered

NAMING: Final = ("web_origins", "allowed_origins", "callbacks")
"""The properties of an application that name origins; a callback names the one it is on."""

MOST: Final = 100
"""Origins of one property of one application that are kept; more than an application has."""

MAX_ORIGIN: Final = 255

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

HEARD: Final = Catalogue(TOKEN_FACTS.service, ClientRegistered, ClientChanged, ClientDeleted)
"""What of `token` is read here; all else is passed over unread."""

_Named = Mapping[str, tuple[str, ...]]


class Origins:
    """Which origins each tenant's applications have registered."""

    def __init__(self) -> None:
        self._of_client: dict[tuple[str, str], _Named] = {}
        self._known: dict[str, Counter[str]] = {}

    def has(self, tenant: str, origin: str) -> bool:
        """Whether an application of this tenant has registered the origin; `null` is nobody's."""
        known = self._known.get(tenant)
        return known is not None and len(origin) <= MAX_ORIGIN and origin in known

    def apply(self, envelope: Envelope, event: Event) -> None:
        """Take in one fact; the same fact twice changes nothing."""
        match event:
            case ClientRegistered(client_id=client_id, properties=properties):
                self._put((envelope.tenant, client_id), _named(properties))
            case ClientChanged(client_id=client_id, properties=properties):
                key = (envelope.tenant, client_id)
                self._put(key, {**self._of_client.get(key, {}), **_named(properties)})
            case ClientDeleted(client_id=client_id):
                self._put((envelope.tenant, client_id), {})
            case _:
                pass

    def _put(self, key: tuple[str, str], named: _Named) -> None:
        """What one application names from now on."""
        known = self._known.setdefault(key[0], Counter())
        for origin in _every(self._of_client.pop(key, {})):
            known[origin] -= 1
            if not known[origin]:
                del known[origin]
        known.update(_every(named))
        if any(named.values()):
            self._of_client[key] = named


def _every(named: _Named) -> Iterator[str]:
    return (origin for origins in named.values() for origin in origins)


def _named(properties: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The origins of those properties that are there; a property that was removed names none."""
    return {name: _origins(properties[name] or ()) for name in NAMING if name in properties}


def _origins(urls: Any) -> tuple[str, ...]:
    found = (origin_of(url) for url in list(urls)[:MOST] if isinstance(url, str))
    return tuple(dict.fromkeys(sys.intern(origin) for origin in found if origin))


def origin_of(url: str) -> str | None:
    """The origin of a web address as a browser says it (RFC 6454 section 6.2); `None` for any other, and for none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not host:
        return None
    said = f"[{host}]" if ":" in host else host
    is_default = port in {None, DEFAULT_PORTS[parts.scheme]}
    origin = f"{parts.scheme}://{said}" if is_default else f"{parts.scheme}://{said}:{port}"
    return origin if len(origin) <= MAX_ORIGIN else None
