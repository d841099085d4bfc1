"""What every request passes on its way in and every answer on its way out; `app` names the order.

On the way in a filter completes the `Exchange` or raises a refusal; on the way out it adds headers.
"""

from collections.abc import Callable

from services.gateway.filters.exchange import Exchange

Arriving = Callable[[Exchange], None]
Leaving = Callable[[Exchange, list[tuple[str, str]]], None]
