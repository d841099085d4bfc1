"""The tenant's global client, "All Applications": Auth0's tools look for it to know the tenant's own login page.

It is nobody's application: it has no secret, gets no token, and is in no list that does not ask for it. It becomes
more than a name when the login page can be replaced.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from libs.edge.management_errors import NotSupported
from libs.edge.paging import CheckpointPage, OffsetPage


class GlobalClientIsFixed(NotSupported):
    """The global client cannot be changed or deleted."""

    def __init__(self) -> None:
        super().__init__("The global client cannot be changed or deleted.")


def global_client_id(tenant: str) -> str:
    """Its client_id, the same for ever."""
    return sha256(f"global client of {tenant}".encode()).hexdigest()[:32]


def members(tenant: str) -> Mapping[str, Any]:
    """What the Management API shows of it."""
    return {
        "tenant": tenant,
        "global": True,
        "client_id": global_client_id(tenant),
        "name": "All Applications",
        "callbacks": [],
        "grant_types": [],
        "is_first_party": True,
        "oidc_conformant": False,
        "custom_login_page_on": False,
    }


def page_of(page: OffsetPage | CheckpointPage, item: Mapping[str, Any]) -> Any:
    """The list that asks for global clients alone: one, on the first page."""
    if isinstance(page, CheckpointPage):
        return page.answer("clients", [item], None)
    return page.answer("clients", [item] if page.start == 0 else [], 1)


def refuse(tenant: str, client_id: str) -> None:
    """Refuse to change it.

    Raises:
        GlobalClientIsFixed: it is the one.
    """
    if client_id == global_client_id(tenant):
        raise GlobalClientIsFixed
