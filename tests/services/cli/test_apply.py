"""`limen apply` and `limen export` as a person or a build runs them, against a tenant of a real stack."""

import json
import os
import pty
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from services.cli import plan
from services.cli.configuration import document
from services.cli.main import command
from tests.services.cli.configured import Tenant
from tests.stack import Stack, until

API: Final = "https://orders.example/api"
FILE: Final = {
    "tenant": {"friendly_name": "Orders", "allowed_signing_algs": ["RS256", "ES256"], "flags": {"enable_sso": False}},
    "resourceServers": [
        {
            "identifier": API,
            "name": "Orders",
            "signing_alg": "ES256",
            "scopes": [{"value": "read:orders", "description": "Read"}, {"value": "write:orders"}],
        }
    ],
    "clients": [
        {"name": "robot", "app_type": "non_interactive", "description": None},
        {"name": "web", "app_type": "regular_web", "callbacks": ["https://web.example/cb"], "sso_disabled": True},
        {"name": "page", "app_type": "spa", "client_metadata": {"team": "7", "yes": "no"}},
    ],
    "clientGrants": [{"client_id": "robot", "audience": API, "scope": ["read:orders"]}],
}


def test_a_file_is_shown_applied_and_then_no_change(tenant: Tenant) -> None:
    dry = tenant.apply(FILE, "--dry-run")
    assert (dry.code, dry.err) == (1, "")
    assert "+ application robot" in dry.out
    assert "    flags.enable_sso: true → false" in dry.out
    assert dry.out.splitlines()[-1].endswith("5 to create, 1 to change, 0 to delete")
    assert tenant.exported()["clients"] == []

    secrets = tenant.folder / "secrets"
    done = tenant.apply(FILE, "--yes", "--secrets", str(secrets))
    assert done.code == 0, done.err
    assert "still different" not in done.out
    for arguments in (["--dry-run"], ["--yes", "--delete"], []):
        again = tenant.apply(FILE, *arguments)
        assert (again.code, again.out, again.err) == (0, "no change\n", "")

    issued = {each["name"]: each for each in map(json.loads, secrets.read_text().splitlines())}
    assert issued.keys() == {"robot", "web"}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    robot = issued["robot"]
    assert tenant.token_of(robot["client_id"], robot["client_secret"], API).json()["scope"] == "read:orders"
    assert all(each["client_secret"] not in done.out + done.err for each in issued.values())


def test_an_export_applied_is_no_change_and_brings_back_what_drifted(tenant: Tenant) -> None:
    assert tenant.apply(FILE, "--yes", "--secrets", "-").code == 0
    path = str(tenant.folder / "export.yaml")
    assert tenant.limen("export", "--output", path).out == ""
    text = Path(path).read_text()
    assert tenant.limen("apply", path, "--delete").out == "no change\n"

    web = next(each for each in tenant.api("GET", "clients").json() if each["name"] == "web")
    assert tenant.api("PATCH", f"clients/{web['client_id']}", json={"callbacks": [], "logo_uri": None}).status == 200
    assert tenant.api("PATCH", "tenants/settings", json={"friendly_name": "Drifted"}).status == 200
    assert tenant.api("POST", "clients", json={"name": "stray"}).status == 201
    back = tenant.limen("apply", path, "--delete", "--yes")
    assert back.code == 0, back.err
    assert "- application stray" in back.out
    assert document.written(tenant.exported()) in text


def test_an_export_leaves_pipes_and_links_what_they_are(tenant: Tenant, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert tenant.limen("export", "--output", str(tmp_path / "pipe")).code == 0
        assert os.read(reading, 1 << 16).startswith(b"# Made by")
    finally:
        os.close(reading)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert tenant.limen("export", "--output", str(tmp_path / "link")).code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text(encoding="utf-8").startswith("# Made by")


def test_what_is_exported_is_sorted_and_holds_no_id_no_secret_and_not_itself(tenant: Tenant) -> None:
    assert tenant.apply(FILE, "--yes", "--secrets", "-").code == 0
    exported = tenant.exported()
    assert list(exported)[:4] == ["tenant", "resourceServers", "clients", "clientGrants"]
    assert [each["name"] for each in exported["clients"]] == ["page", "robot", "web"]
    assert [each["client_id"] for each in exported["clientGrants"]] == ["robot"]
    assert [each["identifier"] for each in exported["resourceServers"]] == [API]
    told = {name for each in exported["clients"] for name in each}
    assert told.isdisjoint({"client_id", "client_secret", "tenant", "global", "client_authentication_methods"})


def test_deleting_needs_the_word_and_spares_what_the_command_lives_on(tenant: Tenant) -> None:
    assert tenant.apply(FILE, "--yes", "--secrets", "-").code == 0
    less: dict[str, Any] = {"clients": [], "resourceServers": [], "clientGrants": []}
    assert tenant.apply(less, "--yes").out == "no change\n"
    gone = tenant.apply(less, "--yes", "--delete")
    assert gone.code == 0, gone.err
    exported = tenant.exported()
    assert [exported[name] for name in less] == [[], [], []]
    assert [each["name"] for each in tenant.api("GET", "clients").json()] != []


@pytest.mark.security("AD-10")
def test_a_new_secret_without_a_place_to_go_is_not_issued(tenant: Tenant) -> None:
    refused = tenant.apply(FILE, "--yes")
    assert refused.code == 2
    assert "2 new secrets will be shown once: say --secrets FILE" in refused.err
    for wrong in (tenant.folder / "open", tenant.folder / "link", tenant.folder / "no" / "file"):
        if wrong.name == "open":
            wrong.write_text("")
            wrong.chmod(0o644)
        if wrong.name == "link":
            wrong.symlink_to(tenant.folder / "elsewhere")
        assert tenant.apply(FILE, "--yes", "--secrets", str(wrong)).code == 2
    assert tenant.exported()["clients"] == []
    public = {"clients": [{"name": "page", "app_type": "spa"}]}
    assert tenant.apply(public, "--yes").code == 0


def test_an_error_of_the_api_names_the_object_and_the_rest_is_done_another_time(tenant: Tenant) -> None:
    wrong = {**FILE, "clientGrants": [{"client_id": "robot", "audience": API, "scope": ["fly"]}]}
    failed = tenant.apply(wrong, "--yes", "--secrets", "-")
    assert failed.code == 1
    assert f"limen: client grant robot → {API}: " in failed.err
    assert "fly" in failed.err
    rest = tenant.apply(FILE, "--yes")
    assert rest.code == 0, rest.err
    assert "0 to create" not in rest.out
    assert tenant.apply(FILE).out == "no change\n"


def test_two_applications_of_one_name_are_refused_with_both_ids(tenant: Tenant) -> None:
    twins = [tenant.api("POST", "clients", json={"name": "twin"}).json()["client_id"] for _ in range(2)]
    file = {"clients": [{"name": "twin"}]}
    for said in (tenant.apply(file, "--yes"), tenant.limen("export")):
        assert said.code == 1
        assert ", ".join(sorted(twins)) in said.err
    for each in twins:
        tenant.api("DELETE", f"clients/{each}")


def test_without_a_terminal_and_without_yes_nothing_is_changed(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        refused = tenant.apply({"tenant": {"friendly_name": "New"}})
    assert refused.code == 2
    assert "say --yes" in refused.err
    assert tenant.exported()["tenant"]["friendly_name"] == ""


@pytest.mark.parametrize(("answer", "code", "name"), [(b"n\n", 1, ""), (b"\n", 1, ""), (b"y\n", 0, "Asked")])
def test_on_a_terminal_it_asks(tenant: Tenant, answer: bytes, code: int, name: str) -> None:
    path = tenant.written({"tenant": {"friendly_name": "Asked"}})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        plan.limen("apply", path), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**tenant.stack.environ, **tenant.environ},
    )  # fmt: skip
    os.write(ours, answer)
    out, err = process.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, err
    assert b"[y/N]" in out
    assert tenant.exported()["tenant"]["friendly_name"] == name


def test_output_that_is_cut_off_or_of_another_alphabet_is_no_reason_to_stop_half_way(tenant: Tenant) -> None:
    path = tenant.written({"tenant": {"friendly_name": "Käse"}})
    environ = {**tenant.stack.environ, **tenant.environ}
    process = subprocess.Popen(
        plan.limen("apply", path, "--dry-run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert b"the output was cut off" in process.communicate(timeout=30)[1]
    assert process.returncode == 1
    latin = {**environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(plan.limen("apply", path, "--yes"), env=latin, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    text = subprocess.run(plan.limen("export"), env=latin, capture_output=True, timeout=30, check=True).stdout.decode()
    assert document.read(text)["tenant"]["friendly_name"] == "Käse"


def test_a_run_that_was_killed_is_run_again(tenant: Tenant) -> None:
    names = [f"app {number:02}" for number in range(30)]
    file = {"clients": [{"name": each, "app_type": "spa"} for each in names]}
    path, log = tenant.written(file), tenant.folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            plan.limen("apply", path, "--yes"), stdout=output, env={**tenant.stack.environ, **tenant.environ}
        )
    until(lambda: "app 03: created" in log.read_text() or process.poll() is not None, 30)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    again = tenant.apply(file, "--yes")
    assert again.code == 0, again.err
    assert again.out.count("created") < len(names)
    assert [each["name"] for each in tenant.exported()["clients"]] == names


def test_markers_and_unknown_sections_as_auth0s_tool_has_them(tenant: Tenant) -> None:
    text = "actions:\n  - name: hook\ntenant:\n  friendly_name: ##STAGE## shop\n  support_url: @@URL@@\n"
    path = tenant.written(text)
    environ = {**tenant.environ, "STAGE": "dev", "URL": "https://help.example"}
    assert command(["apply", path, "--yes"], environ) == 2
    assert "actions: no such section" in tenant.capsys.readouterr().err
    assert command(["apply", path, "--yes", "--ignore-unknown"], environ) == 0
    said = tenant.capsys.readouterr()
    assert said.err.startswith("ignored: actions: no such section")
    exported = tenant.exported()["tenant"]
    assert (exported["friendly_name"], exported["support_url"]) == ("dev shop", "https://help.example")


@pytest.mark.security("AD-02")
def test_the_neighbour_is_not_touched(tenant: Tenant, stack: Stack) -> None:
    before = stack.facts()
    assert tenant.apply(FILE, "--yes", "--delete", "--secrets", "-").code == 0
    assert stack.facts() == before


@pytest.mark.parametrize("text", ["a: [", "clients: 7", "\xff"])
def test_a_file_that_is_none_is_code_two(tenant: Tenant, text: str) -> None:
    path = tenant.folder / "broken.yaml"
    path.write_bytes(text.encode("latin-1"))
    assert tenant.limen("apply", str(path), "--yes").code == 2
    assert tenant.limen("apply", str(tenant.folder / "missing.yaml")).code == 2
