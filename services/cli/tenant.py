"""`limen tenant create NAME --domain HOST[:PORT]` and `limen tenant list`."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Final

import uvloop

from libs.edge.asks import ask
from libs.edge.formats import is_email
from services.cli import quickstart
from services.cli.bootstrap import invited, provisioned
from services.cli.errors import OK, USAGE, Refused
from services.cli.stack import connected, nats_url
from services.tenants.commands import ListTenants, RegisterTenant, TenantsAnswer
from services.token.commands import QuickstartAnswer

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
DOMAIN: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?")


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Create a tenant and print its quickstart.env, or list tenants."""
    given = _parser().parse_args(arguments)
    if given.verb == "list":
        uvloop.run(_list(nats_url(environ)))
        return OK
    if not NAME.fullmatch(given.name):
        raise Refused("a tenant's name is up to 63 of a-z, 0-9, _ and -, beginning with a letter or digit", USAGE)
    if not DOMAIN.fullmatch(given.domain):
        raise Refused(f"{given.domain!r} is not HOST[:PORT] in lower case", USAGE)
    scheme = given.scheme or environ.get("LIMEN_ISSUER", "https:").partition(":")[0]
    place = RegisterTenant(tenant=given.name, name=given.display_name or given.name, domain=given.domain, scheme=scheme)
    if given.admin_email is not None and not is_email(given.admin_email):
        raise Refused(f"{given.admin_email!r} is not an e-mail address", USAGE)
    made, link = uvloop.run(_create(nats_url(environ), place, given.admin_email, moves=given.move))
    print(_env(made, environ), end="")  # noqa: T201  # the verb's answer
    if link is not None:
        print(f"# The first administrator sets a password at {link}")  # noqa: T201  # the verb's answer
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="limen tenant", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    create = verbs.add_parser(
        "create", help="make a tenant, or give its first applications new secrets; print its quickstart.env"
    )
    create.add_argument("name", help="its id: a-z, 0-9, _ and -")
    create.add_argument("--domain", required=True, help="host[:port] at which it is reached")
    create.add_argument("--scheme", choices=("http", "https"), help="default: that of the default tenant")
    create.add_argument("--display-name", help="default: its id")
    create.add_argument("--move", action="store_true", help="let a tenant that is elsewhere move to this domain")
    create.add_argument("--admin-email", help="make the first administrator, and print where the password is set")
    verbs.add_parser("list", help="list all tenants")
    return parser


async def _create(
    url: str, place: RegisterTenant, admin_email: str | None, *, moves: bool
) -> tuple[QuickstartAnswer, str | None]:
    """The tenant's first applications, and the link of its first administrator when one is wanted."""
    bus = await connected(url)
    try:
        made = await provisioned(bus, place, new_secrets=True, moves=moves)
        return made, None if admin_email is None else await invited(bus, place.tenant, admin_email)
    finally:
        await bus.close()


async def _list(url: str) -> None:
    bus = await connected(url)
    try:
        answer = await ask(bus, "tenants", "list", ListTenants(), TenantsAnswer)
    finally:
        await bus.close()
    for each in answer.tenants:
        state = "open" if each.is_open else f"provisioning, waits for {', '.join(each.waiting_for)}"
        print(f"{each.tenant}\t{each.scheme}://{each.domain}/\t{each.name}\t{state}")  # noqa: T201  # the verb's answer


def _env(made: QuickstartAnswer, environ: Mapping[str, str]) -> str:
    facts = {name: getattr(made, name) for name in made.__struct_fields__}
    return quickstart.rendered(quickstart.merged({}, facts, environ.get("LIMEN_POSTGRES_URL", ""), nats_url(environ)))
