"""The bus: one NATS connection, requests with an answer, exact streams, and nothing that guesses.

It owns every use of nats-py, whose sharp edges are listed beside the calls that avoid them. What a message means is
left to `libs.edge` (requests) and `libs.eventstore` (events); whether a stream may be created, to the server's
permissions in `deploy/nats.conf`.
"""

# isort: off
import libs.bus.nats_alone  # before anything else of nats-py

# isort: on
from libs.bus.connection import Bus
from libs.bus.durables import Durables, DurableState
from libs.bus.errors import BusError, Disconnected, NoResponders, StreamRefused, TimedOut, TooLarge
from libs.bus.reading import Delivered, Reader
from libs.bus.serving import Listening, Serving
from libs.bus.streams import STREAM_NOT_FOUND, Outgoing, Stored, Streams, StreamState, WrongLastSequence

__all__ = [
    "STREAM_NOT_FOUND",
    "Bus",
    "BusError",
    "Delivered",
    "Disconnected",
    "DurableState",
    "Durables",
    "Listening",
    "NoResponders",
    "Outgoing",
    "Reader",
    "Serving",
    "Stored",
    "StreamRefused",
    "StreamState",
    "Streams",
    "TimedOut",
    "TooLarge",
    "WrongLastSequence",
]
