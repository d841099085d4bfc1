"""Looks at every tenant and its signing keys: is there one to sign with, how old is it, is the next one announced."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby

from libs.bus import Bus
from libs.edge.asks import AskRefused, ask
from libs.runtime.clock import wall
from libs.runtime.errors import Unavailable
from services.cli.checks.finding import Finding, fail, ok, warn
from services.key_rotation.commands import KeyAnswer, KeysAnswer, ListKeys
from services.tenants.commands import ListTenants, TenantAnswer, TenantsAnswer


async def findings(bus: Bus) -> list[Finding]:
    """Ask the two services that know."""
    try:
        tenants = await ask(bus, "tenants", "list", ListTenants(), TenantsAnswer)
    except (Unavailable, AskRefused) as error:
        return [fail("tenants", f"the service does not answer: {error!r}")]
    try:
        answer = await ask(bus, "key_rotation", "list", ListKeys(), KeysAnswer)
    except (Unavailable, AskRefused) as error:
        return [*map(_tenant, tenants.tenants), fail("keys", f"key_rotation does not answer: {error!r}")]
    now = datetime.fromtimestamp(wall(), UTC)
    return [*map(_tenant, tenants.tenants), *_without_keys(tenants.tenants, answer.keys), *_lines(answer.keys, now)]


def _tenant(tenant: TenantAnswer) -> Finding:
    what = f"tenant {tenant.tenant}"
    if tenant.is_open:
        return ok(what, f"is open at {tenant.scheme}://{tenant.domain}/")
    return fail(what, f"is being set up and waits for {', '.join(tenant.waiting_for)}")


def _without_keys(tenants: list[TenantAnswer], keys: list[KeyAnswer]) -> Iterator[Finding]:
    have = {key.tenant for key in keys}
    return (fail(f"keys {each.tenant}", "there are none") for each in tenants if each.tenant not in have)


def _lines(keys: list[KeyAnswer], now: datetime) -> Iterator[Finding]:
    """One finding for each tenant and algorithm."""
    ordered = sorted(keys, key=lambda key: (key.tenant, key.alg, key.active_from))
    for (tenant, alg), line in groupby(ordered, key=lambda key: (key.tenant, key.alg)):
        yield _line(f"keys {tenant} {alg}", [key for key in line if not key.is_revoked], now)


def _line(what: str, line: list[KeyAnswer], now: datetime) -> Finding:
    current = [key for key in line if key.standing == "current"]
    announced = [key for key in line if key.standing == "next"]
    if not current:
        return fail(what, "no key is current: tokens are refused")
    age = f"{current[0].kid} signs since {_span(now - current[0].active_from)}"
    if not announced:
        return warn(what, f"{age}; no next key is announced")
    return ok(what, f"{age}, {announced[0].kid} follows in {_span(announced[0].active_from - now)}")


def _span(span: timedelta) -> str:
    """In the largest unit that fits twice: `3 days`, `47 hours`."""
    for unit, seconds in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if span.total_seconds() >= 2 * seconds:
            return f"{span.total_seconds() // seconds:.0f} {unit}"
    return f"{span.total_seconds():.0f} seconds"
