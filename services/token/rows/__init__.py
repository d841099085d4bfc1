"""The state rows of `token`: load and lock, save.

What is folded and what is authoritative stands at each table in `migrations/`: of all that is kept only the secrets'
hashes, the spent assertions and the failure counts are authoritative.
"""

from services.token.rows import clients, resource_servers
from services.token.rows.clients import ClientRows
from services.token.rows.resource_servers import ResourceServerRows

FOLDS = (clients.FOLD, resource_servers.FOLD)
"""What `limen verify` compares with the facts."""

__all__ = ["FOLDS", "ClientRows", "ResourceServerRows"]
