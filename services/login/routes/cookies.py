"""Cookies of the front channel: for the session, for each login under way, at most five, and for who was here last.

Over https they are `__Host-`: no other host can set them, no other path gets them. Over plain http, which is loopback
alone, browsers take neither that prefix nor `Secure` (LG-09). All are `HttpOnly` and `SameSite=Lax`.
"""

import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Final

from libs.edge import Call

SESSION: Final = "limen"
TRANSACTION: Final = "limen-tx-"
TICKET: Final = "limen-ticket-"
WHO: Final = "limen-who"
MOST_TRANSACTIONS: Final = 5
SECRET_BYTES: Final = 32

_TICKET: Final = re.compile(r"[A-Za-z0-9_.~-]{1,256}")
_ID: Final = re.compile(r"[0-9a-f]{32}")

Header = tuple[str, str]


def new_secret() -> str:
    """256 random bits, for a cookie."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_of(secret: str) -> bytes:
    """What is stored of a cookie."""
    return sha256(secret.encode()).digest()


def session_cookie(call: Call) -> str | None:
    """The session's secret, if the browser has one."""
    name = _prefix(call) + SESSION
    return next((value for each, value in _cookies(call) if each == name), None)


def transaction_cookie(call: Call, id_: str) -> str | None:
    """The secret of a login under way."""
    name = f"{_prefix(call)}{TRANSACTION}{id_}"
    return next((value for each, value in _cookies(call) if each == name), None)


def set_session(call: Call, secret: str, lifetime: timedelta | None) -> Header:
    """The header that gives the browser its session; without `lifetime` it ends with the browser."""
    age = "" if lifetime is None else f"; Max-Age={int(lifetime.total_seconds())}"
    return _set(call, SESSION, secret, age)


def clear_session(call: Call) -> Header:
    """The header that takes it away."""
    return _set(call, SESSION, "", "; Max-Age=0")


def set_transaction(call: Call, id_: str, secret: str) -> list[Header]:
    """The headers of a new login; the oldest of more than five go (their ids are in the order of time)."""
    prefix = _prefix(call) + TRANSACTION
    held = sorted(each.removeprefix(prefix) for each, _ in _cookies(call) if each.startswith(prefix))
    known = [each for each in held if _ID.fullmatch(each)]
    gone = known[: max(0, len(known) - MOST_TRANSACTIONS + 1)]
    return [_set(call, TRANSACTION + id_, secret, ""), *(clear_transaction(call, each) for each in gone)]


def clear_transaction(call: Call, id_: str) -> Header:
    """The header that ends a login's cookie."""
    return _set(call, TRANSACTION + id_, "", "; Max-Age=0")


def ticket_cookie(call: Call, kind: str) -> str | None:
    """What a link from a mail brought: it is kept here, so that no address that can be seen bears it (RC-10)."""
    name = f"{_prefix(call)}{TICKET}{kind}"
    return next((value for each, value in _cookies(call) if each == name and value), None)


def set_ticket(call: Call, kind: str, ticket: str) -> Header:
    """The header that keeps it, for an hour; what is no ticket of ours is not kept."""
    return _set(call, TICKET + kind, ticket if _TICKET.fullmatch(ticket) else "", "; Max-Age=3600")


def clear_ticket(call: Call, kind: str) -> Header:
    """The header that forgets it."""
    return _set(call, TICKET + kind, "", "; Max-Age=0")


def who_cookie(call: Call) -> str | None:
    """Who signed in last at this browser, sealed."""
    name = _prefix(call) + WHO
    return next((value for each, value in _cookies(call) if each == name and value), None)


def set_who(call: Call, sealed: str) -> Header:
    """The header that keeps it, for thirty days."""
    return _set(call, WHO, sealed, f"; Max-Age={30 * 86400}")


def clear_who(call: Call) -> Header:
    """The header that forgets it."""
    return _set(call, WHO, "", "; Max-Age=0")


def _prefix(call: Call) -> str:
    return "__Host-" if call.request.scheme == "https" else ""


def _set(call: Call, name: str, value: str, age: str) -> Header:
    secure = "; Secure" if call.request.scheme == "https" else ""
    return ("set-cookie", f"{_prefix(call)}{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")


def _cookies(call: Call) -> Iterator[tuple[str, str]]:
    for name, value in call.request.headers:
        if name == "cookie":
            for each in value.split(";"):
                key, _, held = each.strip().partition("=")
                yield key, held
