"""Client grants as data: the properties of `/api/v2/client-grants`.

Organizations, grants for users and authorization details do not exist yet: a grant that named them and ignored them
would allow more, or less, than it says, so they are refused.
"""

from typing import Final

from libs.edge.schema import Array, Property, Resource
from services.token.routes.schemas.kinds import BOOLEAN, SCOPES, choice, line, ours, removable, waiting
from services.token.routes.schemas.promises import Promises

SUBJECT_TYPES: Final = choice("client", "user", "anonymous_user")
DEFAULT_FOR: Final = choice("third_party_clients")

CLIENT_GRANT: Final = Resource(
    "client_grant",
    ours("id", line(20), "`cgr_` and 16 characters"),
    Property("client_id", line(64, shortest=1), "Who may ask", is_required=True, is_immutable=True),
    Property("audience", line(600, shortest=1), "Of which API", is_required=True, is_immutable=True),
    removable("scope", SCOPES, "At most these"),
    *waiting(
        "grants for people",
        Property(
            "subject_type",
            SUBJECT_TYPES,
            default="client",
            is_immutable=True,
            is_nullable=True,
        ),
        Property("default_for", DEFAULT_FOR, is_immutable=True, is_nullable=True),
    ),
    *waiting(
        "organizations",
        removable("organization_usage", choice("deny", "allow", "require")),
        removable("allow_any_organization", BOOLEAN),
    ),
    *waiting(
        "rich authorization requests",
        removable("authorization_details_types", Array(line(255))),
        removable("allow_all_scopes", BOOLEAN),
    ),
)

PROMISES: Final[Promises] = {
    "subject_type": lambda value: value != "client",
    "organization_usage": lambda value: value != "deny",
    "allow_any_organization": bool,
    "authorization_details_types": bool,
    "allow_all_scopes": bool,
    "default_for": bool,
}
