"""`limen apply` and `limen export` of connections, branding, prompts and what protects from guessing."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from libs.eventstore.applied import SETTLES_WITHIN
from libs.postgres import connect
from services.cli.configuration import document
from services.connections.commands import DATABASE
from services.connections.routes.schemas.connection import MOST_CLIENTS
from services.tenants.commands import PROTECTION
from services.tenants.rules.branding import PROMPTS
from tests.services.cli.configured import Tenant

PIXEL: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
FILE: Final[dict[str, Any]] = {
    "clients": [{"name": "page", "app_type": "spa"}, {"name": "other", "app_type": "spa"}],
    "databases": [
        {"name": DATABASE, "strategy": "auth0", "options": {"disable_signup": True}, "enabled_clients": ["page"]},
        {"name": "Staff", "display_name": "Our staff", "enabled_clients": ["page", "other"]},
    ],
    "branding": {"colors": {"primary": "#0059d6"}, "logo_url": PIXEL},
    "prompts": {"identifier_first": False},
    "attackProtection": {
        "bruteForceProtection": {"max_attempts": 7, "allowlist": ["192.0.2.0/24"]},
        "suspiciousIpThrottling": {"stage": {"pre-login": {"max_attempts": 50}}},
    },
}
NEW: Final = {
    "databases": [{"name": DATABASE, "options": None, "enabled_clients": []}],
    "branding": {"colors": None, "logo_url": None, "favicon_url": None, "font": None},
    "prompts": PROMPTS,
    "attackProtection": {
        "bruteForceProtection": PROTECTION["brute_force_protection"],
        "suspiciousIpThrottling": PROTECTION["suspicious_ip_throttling"],
    },
}
"""What says of a tenant that it is as a new one."""


@pytest.fixture(autouse=True)
def as_new(tenant: Tenant) -> None:
    """Each test begins with a tenant as it was made."""
    renewed(tenant)


def renewed(tenant: Tenant) -> None:
    done = tenant.apply({**NEW, "clients": []}, "--delete", "--yes")
    assert done.code == 0, done.err


def apis(tenant: Tenant, path: str) -> Any:
    return tenant.api("GET", path).json()


def test_each_section_is_shown_applied_and_then_no_change(tenant: Tenant) -> None:
    dry = tenant.apply(FILE, "--dry-run")
    assert (dry.code, dry.err) == (1, "")
    for line in (
        f"~ connection {DATABASE}",
        "    options.disable_signup: (none) → true",
        '    enabled_clients: [] → ["page"]',
        "+ connection Staff",
        "~ branding",
        '    colors.primary: (none) → "#0059d6"',
        "~ prompts",
        "    identifier_first: true → false",
        "~ brute-force protection",
        "    max_attempts: 10 → 7",
        "~ suspicious IP throttling",
        "    stage.pre-login.max_attempts: 100 → 50",
    ):
        assert line in dry.out.splitlines()
    assert apis(tenant, "branding") == {}

    done = tenant.apply(FILE, "--yes")
    assert (done.code, done.err) == (0, "")
    assert "still different" not in done.out
    assert apis(tenant, "branding") == FILE["branding"]
    assert apis(tenant, "prompts") == {**PROMPTS, "identifier_first": False}
    stages = apis(tenant, "attack-protection/suspicious-ip-throttling")["stage"]
    assert stages["pre-login"] == {"max_attempts": 50, "rate": 864_000}
    for arguments in (["--dry-run"], ["--yes", "--delete"]):
        again = tenant.apply(FILE, *arguments)
        assert (again.code, again.out, again.err) == (0, "no change\n", "")


def test_new_applications_may_use_the_connections_that_the_file_says(tenant: Tenant) -> None:
    """Each is let into every connection when it is made; what the file says holds all the same."""
    assert tenant.apply(FILE, "--yes").code == 0
    ids = {each["client_id"]: each["name"] for each in apis(tenant, "clients")}
    found = {
        each["name"]: {ids[client_id] for client_id in each["enabled_clients"]} for each in apis(tenant, "connections")
    }
    own = {name for name in found[DATABASE] if name not in {"page", "other"}}
    assert found == {DATABASE: {"page", *own}, "Staff": {"page", "other"}}
    assert own, "the application that speaks with the API stays where it was"


def test_what_the_file_says_holds_though_new_applications_are_let_in_late(tenant: Tenant) -> None:
    """The service that lets them in is held up for longer than a write usually waits for it."""
    ids = [each["id"] for each in apis(tenant, "connections")]
    with held_up(tenant.stack.env["LIMEN_POSTGRES_URL"], ids, seconds=3 * SETTLES_WITHIN):
        done = tenant.apply(FILE, "--yes")
    assert (done.code, done.err) == (0, "")
    assert tenant.apply(FILE, "--dry-run").out == "no change\n"


@contextmanager
def held_up(url: str, connections: Sequence[str], *, seconds: float) -> Iterator[None]:
    """Nobody is let into the connections before the time is over."""
    is_held = threading.Event()

    async def hold() -> None:
        rows = await connect(url)
        try:
            async with rows.transaction():
                await rows.execute(
                    "SELECT FROM connections.connections WHERE connection_id = ANY ($1) FOR UPDATE", connections
                )
                is_held.set()
                await asyncio.sleep(seconds)
        finally:
            await rows.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(asyncio.run, hold())
        assert is_held.wait(5)
        yield
        holding.result()


def test_a_connection_may_have_more_applications_than_one_request_names(tenant: Tenant) -> None:
    names = [f"page {number:03}" for number in range(2 * MOST_CLIENTS + 1)]
    pages = [{"name": each, "app_type": "spa"} for each in names]
    file = {"clients": pages, "databases": [{"name": "Staff", "enabled_clients": names[::-1]}]}
    assert tenant.apply(file, "--yes").code == 0
    assert tenant.exported()["databases"][0]["enabled_clients"] == names
    assert tenant.apply(file).out == "no change\n"


def test_an_export_makes_a_new_tenant_the_same_and_brings_back_what_drifted(tenant: Tenant) -> None:
    assert tenant.apply(FILE, "--yes").code == 0
    path = tenant.folder / "export.yaml"
    assert tenant.limen("export", "--output", str(path)).code == 0
    assert tenant.limen("apply", str(path), "--delete").out == "no change\n"
    exported = document.read(path.read_text())
    assert [each["enabled_clients"] for each in exported["databases"]] == [["other", "page"], ["page"]]
    renewed(tenant)
    assert tenant.limen("apply", str(path), "--delete", "--yes").code == 0
    assert tenant.exported() == exported

    staff = next(each for each in apis(tenant, "connections") if each["name"] == "Staff")
    for drifts, body in (
        ("branding", {"favicon_url": PIXEL, "colors": {"page_background": "#fff"}}),
        (f"connections/{staff['id']}", {"display_name": None, "enabled_clients": []}),
        ("attack-protection/brute-force-protection", {"enabled": False, "shields": []}),
    ):
        assert tenant.api("PATCH", drifts, json=body).status == 200
    assert tenant.limen("apply", str(path), "--delete", "--yes").code == 0
    assert tenant.exported() == exported


def test_the_own_application_in_a_file_of_another_tool_is_passed_over_and_listed(tenant: Tenant) -> None:
    own = next(each["name"] for each in apis(tenant, "clients"))
    file = {"clients": [{"name": own}], "databases": [{"name": DATABASE, "enabled_clients": [own]}]}
    assert "a file cannot hold it" in tenant.apply(file, "--yes").err
    done = tenant.apply(file, "--yes", "--ignore-unknown", "--delete")
    assert (done.code, done.out) == (0, "no change\n")
    assert done.err == f"ignored: {own}: the application this command speaks with\n"


def test_a_connection_is_deleted_only_on_demand(tenant: Tenant) -> None:
    assert tenant.apply(FILE, "--yes").code == 0
    less = {"databases": [{"name": DATABASE}]}
    assert tenant.apply(less, "--yes").out == "no change\n"
    gone = tenant.apply(less, "--yes", "--delete")
    assert (gone.code, "- connection Staff" in gone.out) == (0, True)
    assert [each["name"] for each in apis(tenant, "connections")] == [DATABASE]


def test_who_configures_needs_the_scopes_of_what_the_file_names_and_no_other(tenant: Tenant, tmp_path: Path) -> None:
    made = tenant.api("POST", "clients", json={"name": "painter", "app_type": "non_interactive"}).json()
    audience = tenant.env["LIMEN_MANAGEMENT_AUDIENCE"]
    grant = {"client_id": made["client_id"], "audience": audience, "scope": ["read:branding", "update:branding"]}
    assert tenant.api("POST", "client-grants", json=grant).status == 201
    painter = {f"LIMEN_MANAGEMENT_{name}": made[name.lower()] for name in ("CLIENT_ID", "CLIENT_SECRET")}
    limited = Tenant(tenant.stack, {**tenant.env, **painter}, tmp_path, tenant.capsys)
    assert limited.apply({"branding": FILE["branding"]}, "--yes").code == 0
    refused = limited.apply({"prompts": FILE["prompts"]}, "--yes")
    assert (refused.code, "read:prompts" in refused.err) == (1, True)
