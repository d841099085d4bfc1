"""Owns the applying of deploy/postgres/roles.sql, and of the passwords it deliberately does not hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from libs.postgres import connect

ROLES: Final = Path(__file__).parents[2] / "deploy" / "postgres" / "roles.sql"


async def apply_roles(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Make or mend every service's role and schema; `passwords` are by service. Idempotent.

    `admin_url` is a superuser's, or that of a role with CREATEROLE that owns the database.
    """
    connection = await connect(admin_url, name="limen roles")
    try:
        await connection.execute(ROLES.read_text(encoding="utf-8"))
        for service, password in passwords.items():
            # A utility statement takes no parameters, so the server itself quotes the words.
            statement = await connection.fetchval(
                "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)", f"limen_{service}", password
            )
            await connection.execute(statement)
    finally:
        await connection.close()


def passwords_in(urls: Mapping[str, str]) -> dict[str, str]:
    """The passwords in the addresses of services, by service, for those who connect as the role made for them."""
    parts = {service: urlsplit(url) for service, url in urls.items()}
    return {
        service: unquote(part.password)
        for service, part in parts.items()
        if part.username == f"limen_{service}" and part.password
    }
