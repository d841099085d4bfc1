"""Owns what holds in every tenant and cannot be changed yet: files of Auth0's tool repeat it, to no effect."""

from collections.abc import Mapping
from typing import Any, Final

from services.tenants.routes.unconfigured_table import DEFAULTS

_ANSWERED: Final = {each.path: each.body for each in DEFAULTS}
_ATTACKS: Final = "attack-protection"

ANYWAY: Final[Mapping[str, Any]] = {
    "attackProtection.botDetection": _ANSWERED[f"{_ATTACKS}/bot-detection"],
    "attackProtection.breachedPasswordDetection": _ANSWERED[f"{_ATTACKS}/breached-password-detection"],
    "attackProtection.captcha": _ANSWERED[f"{_ATTACKS}/captcha"],
    "guardianFactors": _ANSWERED["guardian/factors"],
    "guardianFactorTemplates": [{"name": "sms", **_ANSWERED["guardian/factors/sms/templates"]}],
    "guardianPhoneFactorMessageTypes": _ANSWERED["guardian/factors/phone/message-types"],
    "guardianPhoneFactorSelectedProvider": _ANSWERED["guardian/factors/phone/selected-provider"],
    "guardianPolicies": {"policies": _ANSWERED["guardian/policies"]},
    "riskAssessment": {
        "settings": _ANSWERED["risk-assessments/settings"],
        "new_device": _ANSWERED["risk-assessments/settings/new-device"],
    },
    "supplementalSignals": _ANSWERED["supplemental-signals"],
}
"""By key of a file, what the Management API answers."""


def is_so_anyway(name: str, said: Any) -> bool:
    """Whether a key that is no section says nothing else than what holds anyway."""
    return name in ANYWAY and _tells(ANYWAY[name], said)


def _tells(so: Any, said: Any) -> bool:
    """Whether what is said is so: of a mapping every member, of a list every item, whatever their order."""
    match so, said:
        case Mapping(), Mapping():
            return all(name in so and _tells(so[name], value) for name, value in said.items())
        case list(), list():
            return all(any(_tells(each, item) for each in so) for item in said)
        case _:
            return type(so) is type(said) and bool(so == said)
