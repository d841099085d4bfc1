"""Settings: one frozen dataclass per service, read once from `LIMEN_*` variables at start.

`load` turns the environment into a `Settings` or says in one line what is wrong with it; `Secret` is a value that
does not print itself; `Count`, `Span` and their like are types with bounds; `described` reads the same classes for the
generated reference page.
"""

from libs.settings.kinds import Authorities, Count, Pause, Port, Size, Span
from libs.settings.loading import SettingsError, load
from libs.settings.reference import Described, described
from libs.settings.secret import Secret

__all__ = [
    "Authorities",
    "Count",
    "Described",
    "Pause",
    "Port",
    "Secret",
    "SettingsError",
    "Size",
    "Span",
    "described",
    "load",
]
