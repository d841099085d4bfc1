"""What can be asked of `login`: commands for the rules, and the questions and answers of `svc.v1.login.*`."""

from datetime import datetime
from typing import Any, Final

import msgspec

SERVICE: Final = "login"


class PersonOf(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.login.person`: may a grant of this person still be used, and what is said of them?

    `token` asks it for each code it redeems and each refresh (`purpose` is `code` or `refresh`), so that a blocked or
    erased person, a revoked session or consent, or a changed password ends a grant at once (DESIGN §1.2).
    `authorized_at` is when the grant began; `scope` are the OpenID scopes and `requested` the `claims` parameter
    (OpenID Connect Core section 5.5) by which claims are chosen.
    """

    tenant: str
    person: str
    session_id: str
    client_id: str
    audience: str | None
    scope: list[str]
    requested: dict[str, Any] | None
    authorized_at: datetime
    purpose: str


class PersonAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: `refusal` names why the grant is dead; else the person's `sub` and the claims of the ID token."""

    refusal: str | None
    sub: str
    claims: dict[str, Any]


class InviteAdministrator(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.login.invite_administrator`: make the tenant's first administrator, once.

    Answered by `AdministratorInvited`; a repeat with the same address makes nobody and another link.
    """

    tenant: str
    email: str


class AdministratorInvited(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the account, and where its password is set."""

    user_id: str
    link: str
