"""auth0-deploy-cli, unmodified: what it imports it exports again without a difference.

An import takes a processor for twenty seconds, nearly all of them for the tool's own schemas, which it compiles twice:
there is one in `make test`, and more in `make soak`.
"""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.sdk.conftest import Node
from tests.stack import MakeStack, Stack

WANTED: Final = """
resourceServers:
  - name: Orders
    identifier: https://orders.example.com/
    scopes:
      - value: read:orders
        description: Read orders
      - value: write:orders
    signing_alg: RS256
    token_lifetime: 3600
    token_lifetime_for_web: 1800
    allow_offline_access: true
clients:
  - name: Warehouse
    app_type: non_interactive
    grant_types: [client_credentials]
    client_metadata: {team: logistics}
  - name: Shop
    app_type: regular_web
    callbacks: [https://shop.example.com/callback]
    allowed_logout_urls: [https://shop.example.com/]
    web_origins: [https://shop.example.com]
    jwt_configuration: {alg: RS256, lifetime_in_seconds: 7200, secret_encoded: false}
    oidc_conformant: true
  - name: App
    app_type: spa
    token_endpoint_auth_method: none
    callbacks: [https://app.example.com/]
clientGrants:
  - client_id: Warehouse
    audience: https://orders.example.com/
    scope: [read:orders, write:orders]
attackProtection:
  bruteForceProtection:
    enabled: true
    shields: [block, user_notification]
    mode: count_per_identifier
    allowlist: [192.0.2.0/24]
    max_attempts: 20
  suspiciousIpThrottling:
    enabled: true
    shields: [admin_notification, block]
    allowlist: [192.0.2.7]
    stage:
      pre-login: {max_attempts: 200, rate: 864000}
      pre-user-registration: {max_attempts: 50, rate: 1200}
"""
LOOKS: Final = """
databases:
  - name: Username-Password-Authentication
    strategy: auth0
    enabled_clients: [Shop]
    options: {disable_signup: true, passwordPolicy: fair}
branding:
  colors: {primary: '#0059d6', page_background: '#ffffff'}
prompts: {identifier_first: false}
"""
SECTIONS: Final = ("resourceServers", "clients", "clientGrants")


class DeployCli:
    """The tool, with the credentials of a stack's management application."""

    def __init__(self, node: Node, stack: Stack, folder: Path) -> None:
        self.node, self.stack, self.folder = node, stack, folder

    def run(self, *arguments: str, **settings: str) -> str:
        env = self.stack.env
        environ = {"AUTH0_DOMAIN": env["LIMEN_DOMAIN"], "AUTH0_CLIENT_ID": env["LIMEN_MANAGEMENT_CLIENT_ID"]}
        environ |= {"AUTH0_CLIENT_SECRET": env["LIMEN_MANAGEMENT_CLIENT_SECRET"], **settings}
        program = self.node.packages / "node_modules" / ".bin" / "a0deploy"
        done = self.node.run([str(program), *arguments], self.stack, environ)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)

    def exported(self, name: str) -> dict[str, Any]:
        self.run("export", "--format", "yaml", "--output_folder", str(self.folder / name))
        read: dict[str, Any] = yaml.safe_load((self.folder / name / "tenant.yaml").read_text())
        return read

    def imported(self, text: str, **settings: str) -> str:
        file = self.folder / "wanted.yaml"
        file.write_text(text)
        return self.run("import", "--input_file", str(file), **settings)


@pytest.fixture
def tool(node: Node, tls: Stack, tmp_path: Path) -> DeployCli:
    return DeployCli(node, tls, tmp_path)


def named(exported: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    key = "client_id" if section == "clientGrants" else "name"
    (found,) = [each for each in exported[section] if each[key] == name]
    return dict(found)


def test_what_is_imported_is_exported(tool: DeployCli) -> None:
    tool.imported(WANTED)
    require_all(yaml.safe_load(WANTED), tool.exported("first"))


def require_all(wanted: dict[str, Any], exported: dict[str, Any]) -> None:
    """What was wanted is in the file, word for word."""
    for section in SECTIONS:
        for each in wanted[section]:
            found = named(exported, section, each.get("name") or each["client_id"])
            assert {name: found.get(name) for name in each} == each
    for name, shield in wanted["attackProtection"].items():
        found = exported["attackProtection"][name]
        found.get("stage", {}).pop("pre-custom-token-exchange", None)
        assert found == shield


@pytest.mark.soak
def test_the_whole_of_an_export_is_imported_again_and_nothing_happens(tool: DeployCli, tls: Stack) -> None:
    tool.imported(WANTED)
    tool.exported("whole")
    before = tls.facts()
    tool.run("import", "--input_file", str(tool.folder / "whole" / "tenant.yaml"))
    assert tls.facts() == before


@pytest.mark.soak
def test_limen_apply_takes_what_it_exports_and_it_takes_what_limen_exports(tool: DeployCli, tls: Stack) -> None:
    tool.imported(WANTED + LOOKS)
    tool.exported("whole")
    whole = str(tool.folder / "whole" / "tenant.yaml")
    applied = tls.limen("apply", whole, "--dry-run", "--ignore-unknown")
    assert (applied.returncode, applied.stdout) == (0, "no change\n")
    assert [line.split(":")[1].strip() for line in applied.stderr.splitlines()] == ["pages", "Management application"]
    exported = yaml.safe_load(tls.limen("export").stdout)
    for page in ("change_password", "guardian_mfa_page"):
        del exported["tenant"][page]  # the tool wants them in a section of their own
    before = tls.facts()
    tool.imported(yaml.safe_dump(exported))
    assert tls.facts() == before


@pytest.mark.soak
def test_another_tenant_becomes_the_same(tool: DeployCli, node: Node, make_stack: MakeStack, tmp_path: Path) -> None:
    tool.imported(WANTED)
    exported = tool.exported("here")
    other = DeployCli(node, make_stack(tls=True), tmp_path / "other")
    other.folder.mkdir()
    other.imported(yaml.safe_dump({section: _portable(exported, section) for section in SECTIONS}))
    there = other.exported("there")
    other.run("import", "--input_file", str(other.folder / "there" / "tenant.yaml"))
    assert other.exported("again") == there
    for section in SECTIONS:
        assert sorted(map(repr, _portable(there, section))) == sorted(map(repr, _portable(exported, section)))


def _portable(exported: dict[str, Any], section: str) -> list[dict[str, Any]]:
    """Without the Management API, which is called after its own tenant."""
    return [each for each in exported[section] if not each.get("is_system")]


@pytest.mark.soak
def test_it_deletes_what_is_not_wanted_only_when_it_may(tool: DeployCli) -> None:
    tool.imported(WANTED)
    wanted = yaml.safe_load(WANTED)
    wanted["clients"] = wanted["clients"][:1]
    tool.imported(yaml.safe_dump(wanted))
    assert named(tool.exported("kept"), "clients", "Shop")
    tool.imported(yaml.safe_dump(wanted), AUTH0_ALLOW_DELETE="true")
    names = {each["name"] for each in tool.exported("deleted")["clients"]}
    assert {"Warehouse"} <= names
    assert names.isdisjoint({"Shop", "App"})
