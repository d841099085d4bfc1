"""The state rows of `token`: load and lock, save.

What is folded and what is authoritative stands at each table in `migrations/`: authoritative are the secrets'
hashes, the spent assertions, the failure counts, the codes, and how far a grant's refresh tokens have come.
"""

from services.token.rows import clients, grants, resource_servers
from services.token.rows.clients import ClientRows, NewClientRows
from services.token.rows.grants import GrantRows
from services.token.rows.resource_servers import ResourceServerRows

FOLDS = (clients.FOLD, resource_servers.FOLD, grants.FOLD)
"""What `limen verify` compares with the facts."""

__all__ = ["FOLDS", "ClientRows", "GrantRows", "NewClientRows", "ResourceServerRows"]
