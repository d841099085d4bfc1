"""Where the browser goes once a link was used: where the administrator wants it who asked for the link, or nowhere.

Only a caller with `create:user_tickets` sets a `result_url`; nothing of the link's address is believed.
"""

from typing import Final

from libs.oauth.authorization import QUERY, location
from services.login.factors.tickets import TicketView
from services.login.routes.messages import PASSWORD_SET, VERIFIED, Message
from services.login.rows.tickets import Kind

_SAID: Final[dict[Kind, Message]] = {"reset": PASSWORD_SET, "verify": VERIFIED}


def leads(view: TicketView) -> list[str]:
    """Where the form of the link may lead besides our own pages: the address that was asked for, if one was."""
    return [wanted] if (wanted := _wanted(view)) else []


def led_on(view: TicketView) -> str | None:
    """That address with the outcome in its query, as Auth0 tells it there; the person's address only where wanted."""
    wanted = _wanted(view)
    if wanted is None:
        return None
    answer = {"success": "true", "code": "success", "message": _SAID[view.kind].title}
    if view.options.get("includeEmailInRedirect") is True and view.email:
        answer["email"] = view.email
    bare, mark, fragment = wanted.partition("#")
    return location(bare, QUERY, answer) + mark + fragment


def _wanted(view: TicketView) -> str | None:
    return view.options.get("result_url") or None
