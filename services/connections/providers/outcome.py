"""How a try of a delivery ends: well, or by one of these; a reason never holds an address."""

from typing import Protocol

from services.connections.rows.deliveries import Leased


class Later(Exception):
    """Not now; it is tried again. `payload` is what is left to do, when that is less than before."""

    def __init__(self, reason: str, payload: bytes | None = None) -> None:
        super().__init__(reason)
        self.payload = payload


class Never(Exception):
    """It cannot be delivered, however often it is tried."""


class Provider(Protocol):
    """Delivers what it is given."""

    async def deliver(self, leased: Leased, payload: bytes) -> None:
        """Deliver it.

        Raises:
            Later: not now.
            Never: not ever.
        """
