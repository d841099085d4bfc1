"""What a person can let an application have: of the scopes that were asked, those that mean something.

Unknown scopes are left out, not refused, as Auth0 does; the answer says what was granted (RFC 6749 section 3.3).
"""

from collections.abc import Collection, Sequence
from typing import Final

OPENID: Final = ("openid", "profile", "email", "address", "phone")
"""Scopes of OpenID Connect that choose claims (Core section 5.4)."""

OFFLINE: Final = "offline_access"

OF_ONESELF: Final = ":current_user"
"""What a scope of the Management API contains that a person may have: it is about that person alone."""


def granted(
    asked: Sequence[str],
    *,
    defined: Collection[str],
    is_system: bool,
    is_enforced: bool,
    may_be_offline: bool,
) -> list[str]:
    """Those of the scopes `asked` that are granted, in their order, each once.

    `defined` are the API's; with `is_enforced` they go to whom a role gives them, and there are no roles yet.
    """
    of_api = () if is_enforced else tuple(each for each in defined if not is_system or OF_ONESELF in each)
    known = {*OPENID, *of_api, *((OFFLINE,) if may_be_offline else ())}
    # Whoever calls a scope of an API `offline_access` gets no refresh tokens by it.
    if not may_be_offline:
        known.discard(OFFLINE)
    return [each for each in dict.fromkeys(asked) if each in known]
