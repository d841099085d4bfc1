"""The log: facts and activity committed in order, mirrored exactly, followed by checkpoint.

It owns `head`, `facts`, `activity` and `checkpoints` in a service's schema, the only place that runs
load → decide → save → append, the relay that mirrors a log into NATS with sequence == position, and the ways to follow
another service's log: into rows, into memory, into commands. What an event means is the services' business.
"""

from libs.eventstore.applied import Applied
from libs.eventstore.deciding import Aggregate, Change, Committed, Handler, Loaded, Place
from libs.eventstore.envelope import Actor, Context, Envelope
from libs.eventstore.events import Activity, Catalogue, Event, EventTooLarge, Fact
from libs.eventstore.execute import Also, EventStore
from libs.eventstore.folding import folding
from libs.eventstore.following import Follower, Projection, one_by_one
from libs.eventstore.maintenance import Retention, keep_partitions
from libs.eventstore.memory import MemoryFollower
from libs.eventstore.reactions import Reaction, Reactor
from libs.eventstore.relay import Relay
from libs.eventstore.writer import BatchWriter, Refused, Written

__all__ = [
    "Activity",
    "Actor",
    "Aggregate",
    "Also",
    "Applied",
    "BatchWriter",
    "Catalogue",
    "Change",
    "Committed",
    "Context",
    "Envelope",
    "Event",
    "EventStore",
    "EventTooLarge",
    "Fact",
    "Follower",
    "Handler",
    "Loaded",
    "MemoryFollower",
    "Place",
    "Projection",
    "Reaction",
    "Reactor",
    "Refused",
    "Relay",
    "Retention",
    "Written",
    "folding",
    "keep_partitions",
    "one_by_one",
]
