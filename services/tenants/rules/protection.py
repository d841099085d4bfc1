"""What protects a tenant's people from guessing: the tenant's own members over the defaults, and how one is changed."""

from collections.abc import Mapping
from typing import Any

from services.tenants.commands import PROTECTION, Shield


def effective(protection: Mapping[str, Any], shield: Shield) -> dict[str, Any]:
    """What the tenant has of one protection."""
    return laid(PROTECTION[shield], protection.get(shield, {}))


def difference(protection: Mapping[str, Any], shield: Shield, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The protection with its own members after `wanted`, by its name; nothing where a reader would see no change."""
    now = effective(protection, shield)
    return {} if laid(now, wanted) == now else {shield: laid(protection.get(shield, {}), wanted)}


def laid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, member by member in objects; a list is replaced."""
    both = {
        name: laid(below[name], value)
        for name, value in above.items()
        if isinstance(value, Mapping) and isinstance(below.get(name), Mapping)
    }
    return {**below, **above, **both}
