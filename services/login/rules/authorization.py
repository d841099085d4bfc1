"""What comes next for an authorization request: a login, a choice, a question, or the answer.

OpenID Connect Core §3.1.2.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final

from libs.oauth.authorization import AuthorizationRequest
from libs.oauth.errors import AccessDenied, ConsentRequired, InteractionRequired, LoginRequired, OAuthError

OIDC_SCOPES: Final = ("openid", "profile", "email", "address", "phone", "offline_access")
"""Scopes that are of no API; others are granted as far as the asked API defines them (RFC 6749 §3.3)."""

ONLY_LEVEL: Final = "1"
"""What `acr` says of a login by password; there is no other level."""


class LevelOutOfReach(AccessDenied):
    """The application needs a level of authentication that nobody reaches here."""


class Step(Enum):
    """What is done next."""

    LOGIN = auto()
    CHOOSE = auto()
    CONSENT = auto()
    ANSWER = auto()


REFUSALS: Final[dict[Step, type[OAuthError]]] = {
    Step.LOGIN: LoginRequired,
    Step.CHOOSE: InteractionRequired,
    Step.CONSENT: ConsentRequired,
}
"""What an application is told that wants nobody to be asked (`prompt=none`)."""


@dataclass(frozen=True)
class Signed:
    """Who is signed in at this browser: when they showed it, and whether the application means somebody else."""

    auth_time: datetime
    is_another: bool = False


def next_step(asked: AuthorizationRequest, signed: Signed | None, now: datetime, *, has_consent: bool) -> Step:
    """The step, for a request that may ask and for one that may not.

    Raises:
        LoginRequired, ConsentRequired, InteractionRequired: something is to be asked, and nothing may be.
    """
    step = _step(asked, signed, now, has_consent=has_consent)
    if asked.is_silent and step in REFUSALS:
        raise REFUSALS[step]
    return step


def _step(asked: AuthorizationRequest, signed: Signed | None, now: datetime, *, has_consent: bool) -> Step:
    if signed is None or signed.is_another or "login" in asked.prompt or is_too_old(asked.max_age, signed, now):
        return Step.LOGIN
    if "select_account" in asked.prompt:
        return Step.CHOOSE
    return Step.ANSWER if has_consent else Step.CONSENT


def level_told(asked: AuthorizationRequest) -> str | None:
    """The `acr` that is told, where one was asked for: by `acr_values`, which is a wish, or by `claims`.

    Raises:
        LevelOutOfReach: `claims` needs another one (`essential`, OpenID Connect Core §5.5.1.1).
    """
    wished = asked.wished("acr")
    if wished is None:
        return ONLY_LEVEL if asked.acr_values else None
    if wished.get("essential") is True and ONLY_LEVEL not in _values(wished, ONLY_LEVEL):
        raise LevelOutOfReach
    return ONLY_LEVEL


def is_meant(asked: AuthorizationRequest, sub: str) -> bool:
    """Whether `claims` lets this be the person: where it names a `sub`, nobody else may be (Core §3.1.2.2)."""
    wished = asked.wished("sub")
    return wished is None or sub in _values(wished, sub)


def _values(wished: Mapping[str, Any], default: str) -> list[Any]:
    many = wished.get("values")
    return many if isinstance(many, list) else [wished.get("value", default)]


def is_too_old(max_age: int | None, signed: Signed, now: datetime) -> bool:
    """Whether the person must show again who they are; as the application will see it, in whole seconds."""
    return max_age is not None and now.timestamp() - int(signed.auth_time.timestamp()) > max_age


def granted(asked: Collection[str], defined: Collection[str]) -> tuple[str, ...]:
    """Those of the asked scopes that mean something here; `openid` is never added."""
    return tuple(each for each in asked if each in OIDC_SCOPES or each in defined)
