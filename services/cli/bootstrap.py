"""`limen bootstrap`: the default tenant, where it is reached, and its first applications; prints them as JSON.

`limen up` runs it after each start. Everything it asks for is idempotent: what is there stays.
"""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import uvloop

from libs.bus import Bus
from libs.edge.asks import AskRefused, ask
from libs.runtime.errors import Unavailable
from libs.runtime.ids import text
from services.audit.commands import AddSubscriber, SubscriberAnswer
from services.cli.errors import OK, Refused
from services.cli.stack import connected
from services.login.commands import AdministratorInvited, InviteAdministrator
from services.tenants.commands import MoveTenant, ReadTenant, Registered, RegisterTenant, TenantAnswer
from services.token.commands import Quickstart, QuickstartAnswer

DEFAULT_TENANT: Final = "default"
DISPLAY_NAME: Final = "Limen"
"""What people read on its pages and in its mails until its `friendly_name` is set."""

PATIENCE: Final = 30.0
"""Seconds within which the services must have made a tenant's parts."""

PAUSE: Final = 0.1


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Make sure of the default tenant at `--domain`; 0, or one clear line."""
    parser = argparse.ArgumentParser(prog="limen bootstrap", description=__doc__)
    parser.add_argument("--domain", required=True, help="host[:port] at which the default tenant is reached")
    parser.add_argument("--scheme", choices=("http", "https"), default="https")
    parser.add_argument("--new-secrets", action="store_true", help="give both applications new secrets")
    parser.add_argument("--subscriber", help="make this subscriber, who sees everything, unless it was removed")
    made = uvloop.run(_bootstrap(environ, parser.parse_args(arguments)))
    print(msgspec.json.encode(made).decode())  # noqa: T201  # the verb's answer
    return OK


async def _bootstrap(environ: Mapping[str, str], given: argparse.Namespace) -> dict[str, object]:
    bus = await connected(environ["LIMEN_NATS_URL"])
    try:
        place = RegisterTenant(tenant=DEFAULT_TENANT, name=DISPLAY_NAME, domain=given.domain, scheme=given.scheme)
        made: dict[str, object] = msgspec.structs.asdict(await provisioned(bus, place, new_secrets=given.new_secrets))
        return made | (await _subscribed(bus, given.subscriber) if given.subscriber else {})
    finally:
        await bus.close()


async def _subscribed(bus: Bus, name: str) -> dict[str, object]:
    """The subscriber's stream and consumer; nothing where the operator removed it."""
    command = AddSubscriber(name=name, events="auth.v1.>", start=1, unless_removed=True)
    try:
        async with asyncio.timeout(PATIENCE):
            added = await _added(bus, command)
    except TimeoutError as error:
        raise Refused(f"audit was not ready within {PATIENCE:.0f} s: `limen doctor` says what is missing") from error
    except AskRefused as refusal:
        raise Refused(f"subscriber {name}: {refusal}") from refusal
    return {} if added.is_removed else {"subscriber_stream": added.stream, "subscriber_consumer": added.name}


async def _added(bus: Bus, command: AddSubscriber) -> SubscriberAnswer:
    while True:
        try:
            return await ask(bus, "audit", "add", command, SubscriberAnswer)
        except Unavailable:
            await asyncio.sleep(PAUSE)


async def provisioned(bus: Bus, place: RegisterTenant, *, new_secrets: bool, moves: bool = True) -> QuickstartAnswer:
    """Register the tenant, or move it here, wait until it is open, and make its first applications.

    Raises:
        Refused: it is elsewhere and must not move, a service refused, or the parts were not made in time.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            await _register(bus, place, moves=moves)
            await _opened(bus, place.tenant)
            return await _quickstart(bus, place, new_secrets=new_secrets)
    except AskRefused as refusal:
        raise Refused(f"tenant {place.tenant}: {refusal}") from refusal
    except TimeoutError as error:
        raise Refused(
            f"tenant {place.tenant} was not ready within {PATIENCE:.0f} s: `limen doctor` says what is missing"
        ) from error


async def invited(bus: Bus, tenant: str, email: str) -> str:
    """Make the tenant's first administrator, and return the link where the password is set.

    Raises:
        Refused: login refused, or did not answer in time.
    """
    command = InviteAdministrator(tenant=tenant, email=email)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return (await ask(bus, "login", "invite_administrator", command, AdministratorInvited)).link
                except Unavailable:
                    await asyncio.sleep(PAUSE)
    except AskRefused as refusal:
        raise Refused(f"the administrator of {tenant}: {refusal}") from refusal
    except TimeoutError as error:
        raise Refused(f"login did not answer within {PATIENCE:.0f} s: `limen doctor` says what is missing") from error


async def _register(bus: Bus, place: RegisterTenant, *, moves: bool) -> None:
    there = await _patiently(bus, place.tenant)
    if there is None:
        await ask(bus, "tenants", "register", place, Registered)
    elif (there.domain, there.scheme) != (place.domain, place.scheme):
        if not moves:
            raise Refused(
                f"{place.tenant} is a tenant at {there.scheme}://{there.domain}/ already; "
                "with --move its issuer changes, and who believes its tokens has to be told."
            )
        move = MoveTenant(tenant=place.tenant, domain=place.domain, scheme=place.scheme)
        await ask(bus, "tenants", "move", move, Registered)


async def _patiently(bus: Bus, tenant: str) -> TenantAnswer | None:
    """What tenants knows of it, once tenants answers; `None` when there is none."""
    while True:
        try:
            return await ask(bus, "tenants", "read", ReadTenant(tenant=tenant), TenantAnswer)
        except AskRefused:
            return None
        except Unavailable:
            await asyncio.sleep(PAUSE)


async def _opened(bus: Bus, tenant: str) -> None:
    while True:
        there = await _patiently(bus, tenant)
        if there is not None and there.is_open:
            return
        await asyncio.sleep(PAUSE)


async def _quickstart(bus: Bus, place: RegisterTenant, *, new_secrets: bool) -> QuickstartAnswer:
    """The first applications, once token has heard where the tenant is now and named its Management API after it."""
    made: QuickstartAnswer | None = None
    seed = text(64)
    while made is None or made.domain != place.domain:
        try:
            wanted = new_secrets and made is None
            question = Quickstart(place.tenant, wanted, seed)
            answer = await ask(bus, "token", "quickstart", question, QuickstartAnswer)
        except Unavailable:
            await asyncio.sleep(PAUSE)
            continue
        made = _with_secrets_of(made, answer)
    return made


def _with_secrets_of(earlier: QuickstartAnswer | None, answer: QuickstartAnswer) -> QuickstartAnswer:
    """Secrets are said once: keep those of an answer that came before the tenant had moved."""
    if earlier is None:
        return answer
    return msgspec.structs.replace(
        answer,
        client_secret=answer.client_secret or earlier.client_secret,
        management_client_secret=answer.management_client_secret or earlier.management_client_secret,
    )
