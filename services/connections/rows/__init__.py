"""The state rows of `connections`: connections are folded from their facts, deliveries are authoritative."""

from services.connections.rows import connections
from services.connections.rows.connections import ConnectionRows, EnablingRows
from services.connections.rows.deliveries import DeliveryRows

FOLDS = (connections.FOLD,)
"""What `limen verify` compares with the facts."""

__all__ = ["FOLDS", "ConnectionRows", "DeliveryRows", "EnablingRows"]
