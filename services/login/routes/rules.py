"""What a new password must be, as the page lists it."""

from collections.abc import Collection
from dataclasses import dataclass

from services.login.factors.policy import COMMON_ONE, GUESSABLE, PERSONAL, TOO_LONG, TOO_SHORT, USED_BEFORE, Policy


@dataclass(frozen=True)
class Rule:
    """One line of the list: `code` is the policy's name of it."""

    code: str
    number: int = 0
    failed: bool = False


def rules_of(policy: Policy, failed: Collection[str] = ()) -> tuple[Rule, ...]:
    """What the policy demands; those that a password did not keep are marked."""
    lines = [
        Rule(TOO_SHORT, policy.shortest, TOO_SHORT in failed),
        Rule(COMMON_ONE, failed=COMMON_ONE in failed),
    ]
    if policy.score:
        lines.insert(1, Rule(GUESSABLE, failed=GUESSABLE in failed))
    if not policy.allows_personal:
        lines.append(Rule(PERSONAL, failed=PERSONAL in failed))
    # These two are said when they matter: hardly anybody meets them.
    lines += [Rule(code, failed=True) for code in (TOO_LONG, USED_BEFORE) if code in failed]
    return tuple(lines)
