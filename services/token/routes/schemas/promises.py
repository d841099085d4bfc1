"""Values that would promise something which is not there yet: better refused than kept without effect."""

from collections.abc import Callable, Mapping
from typing import Any

from libs.edge.management_errors import NotSupported

Promises = Mapping[str, Callable[[Any], bool]]
"""Per property, whether a value of it promises something."""


def refuse(promises: Promises, properties: Mapping[str, Any]) -> None:
    """Refuse a body that relies on what does not exist.

    Raises:
        NotSupported: names the property.
    """
    for name, is_promise in promises.items():
        value = properties.get(name)
        if value is not None and is_promise(value):
            raise NotSupported(f"This value of {name} is not supported.")
