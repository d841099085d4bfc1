"""An entry of a tenant's log, in Auth0's names: as data for the reference, and made of a row."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from libs.edge.schema import Anything, Boolean, Property, Resource, Text
from services.audit.queries.logs import LogRow
from services.audit.rules.codes import DESCRIPTIONS
from services.audit.rules.log_ids import DIGITS

TEXT: Final = Text(max_length=65536)
"""As long as an event may be: the scopes of a token for the Management API are many."""

LOG_ID: Final = Text(min_length=DIGITS, max_length=DIGITS, pattern=rf"[0-9]{{{DIGITS}}}")

LOG: Final = Resource(
    "log",
    Property("log_id", LOG_ID, "Digits that sort as the log does"),
    Property("_id", LOG_ID, "The same"),
    Property("date", TEXT, "When it happened"),
    Property("type", TEXT, "Auth0's code of what happened"),
    Property("description", TEXT, "What the error was, or which operation it was"),
    Property("client_id", TEXT, "The application it concerns"),
    Property("client_name", TEXT, "What that was called then"),
    Property("connection", TEXT, "The connection somebody came by"),
    Property("ip", TEXT, "From where the request came, where that is known"),
    Property("hostname", TEXT, "The host it was sent to"),
    Property("user_agent", TEXT, "The program that sent it"),
    Property("isMobile", Boolean(), "Whether that says it runs on a phone"),
    Property("audience", TEXT, "The API a token was asked for"),
    Property("scope", TEXT, "The scopes of a token"),
    Property("tenant_name", TEXT, "Whose log it is"),
    Property("environment_name", TEXT, "Always `limen`"),
    Property("details", Anything(), "The event as it is published, who caused it and by which request"),
)

UNKNOWN: Final = dict.fromkeys(("audience", "client_name", "description", "hostname", "ip"), "")
"""What Auth0 always has, when we do not."""

TRACED: Final = ("actor", "act", "request_id", "trace", "causation_id", "correlation_id")

MOBILE: Final = "Mobi"
"""What browsers of phones have in their names."""


def entry(row: LogRow, log_id: str, tenant: str) -> dict[str, Any]:
    """The members of one entry."""
    ours = {"log_id": log_id, "_id": log_id, "date": _date(row), "type": row.code, "tenant_name": tenant}
    return {**UNKNOWN, **ours, "environment_name": "limen", **_known(row), "details": _details(row)}


def _known(row: LogRow) -> Mapping[str, Any]:
    user_agent, scope = row.private.get("user_agent"), row.data.get("scope")
    members = {
        "description": row.private.get("description") or DESCRIPTIONS.get(row.type),
        "client_id": row.client_id,
        "client_name": row.private.get("client_name"),
        "connection": row.data.get("connection"),
        "ip": row.private.get("address"),
        "hostname": row.private.get("host"),
        "user_agent": user_agent,
        "isMobile": None if user_agent is None else MOBILE in user_agent,
        "audience": row.private.get("audience") or row.data.get("audience"),
        "scope": scope if isinstance(scope, str) else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _details(row: LogRow) -> dict[str, Any]:
    traced: dict[str, Any] = {name: row.meta[name] for name in TRACED if name in row.meta}
    return {"event": row.type, "event_id": row.id, "data": row.data, **traced}


def _date(row: LogRow) -> str:
    said = row.meta.get("occurred_at")
    happened = row.at if said is None else datetime.fromisoformat(said)
    return happened.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
