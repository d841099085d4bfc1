"""Owns what a file asks of the application that speaks with the API: nothing, lest it configure itself away. Pure."""

from typing import Final

from services.cli.configuration.section import Configuration
from services.cli.configuration.sections import CLIENTS, DATABASES, ENABLED, GRANTS

OF_APPLICATIONS: Final = (CLIENTS.name, GRANTS.name)
"""Sections whose objects are applications, or of one."""


def named(wanted: Configuration) -> set[str]:
    """The names of applications that something is asked of."""
    return {key[0] for name in OF_APPLICATIONS for key in wanted.get(name, {})}


def passed_over(wanted: Configuration, own_name: str) -> Configuration:
    """What is asked of others."""
    return {
        name: {key: each for key, each in entries.items() if name not in OF_APPLICATIONS or key[0] != own_name}
        for name, entries in wanted.items()
    }


def where_it_is(wanted: Configuration, own_name: str) -> Configuration:
    """What is asked, without whether it may use a connection."""
    connections = {
        key: {
            name: [each for each in value if each != own_name] if name == ENABLED else value
            for name, value in properties.items()
        }
        for key, properties in wanted.get(DATABASES.name, {}).items()
    }
    return {**wanted, DATABASES.name: connections} if DATABASES.name in wanted else wanted
