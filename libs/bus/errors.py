"""What can go wrong on the bus.

Unavailable
└── BusError
    ├── Disconnected     the connection is away; nothing was sent, or its answer is lost
    ├── NoResponders     nobody serves the subject
    ├── TimedOut         no answer within the bound; the work may still have been done
    ├── TooLarge         the message would close the connection for good and was not sent
    └── StreamRefused    the server refused an operation on a stream
"""

from libs.runtime.errors import Unavailable


class BusError(Unavailable):
    """A message could not be brought or answered."""


class Disconnected(BusError):
    """The connection to NATS is away."""


class NoResponders(BusError):
    """Nobody serves this subject at the moment."""


class TimedOut(BusError):
    """No answer came within the bound; whether the work was done is unknown."""


class TooLarge(BusError):
    """The message is larger than the server accepts; sending it would close the connection for good."""


class StreamRefused(BusError):
    """The server refused an operation on a stream; `code` is its JetStream error code."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code
