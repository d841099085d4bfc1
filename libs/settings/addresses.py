"""Owns the judgement of servers' addresses: which scheme, and ports that are ports.

Both clients take more than one host, so only what no client can use is refused. The words show nothing of an address,
for it holds a password.
"""

import re
from collections.abc import Mapping
from typing import Final

SCHEMES: Final[Mapping[str, tuple[str, ...]]] = {
    "postgres_url": ("postgresql", "postgres"),
    "nats_url": ("nats", "tls"),
}
"""The schemes of each field that is the address of a server."""

HIGHEST_PORT: Final = 65535

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]*\]|[^\[\]:]*)(?::([0-9]{0,5}))?", re.ASCII)


def require_address(text: str, schemes: tuple[str, ...]) -> None:
    """Refuse what is no address of such a server.

    Raises:
        ValueError: what it should be, without a word of what it is.
    """
    scheme, _, rest = text.partition("://")
    hosts = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].split(",")
    if scheme not in schemes or not all(map(_is_host, hosts)):
        raise ValueError(
            f"an address such as {schemes[0]}://user:password@host:port, with /, @ and : of a password percent-encoded"
        )


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    return found is not None and int(found[1] or 0) <= HIGHEST_PORT
