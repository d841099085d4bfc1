import json
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.cli import doctor, plan
from services.cli.checks import machine, servers
from services.cli.checks.finding import Finding, Standing
from services.cli.checks.keys import _line, _span
from services.cli.checks.logs import superseding
from services.cli.datadir import DataDir, write_json
from services.cli.embedded.ports import chosen
from services.key_rotation.commands import KeyAnswer
from tests.stack import Stack, until

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def key(kid: str, standing: str, days: int) -> KeyAnswer:
    active_from = NOW + timedelta(days=days)
    return KeyAnswer(
        tenant="default", kid=kid, alg="RS256", standing=standing, active_from=active_from, is_revoked=False
    )


def test_a_healthy_stack_has_nothing_to_complain_of(stack: Stack) -> None:
    stack.access_token()
    done = stack.limen("doctor", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each for each in found if each["standing"] == "fail"] == []
    assert done.returncode == 0
    seen = {each["what"] for each in found}
    assert {"postgres", "nats", "clock", "public port", "log token.facts", "keys default RS256"} <= seen


def test_what_is_not_there_is_said_and_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"LIMEN_DATA_DIR": str(tmp_path), "LIMEN_ISSUER": f"http://localhost:{chosen()}/"}
    environ |= {"LIMEN_POSTGRES_URL": f"postgresql://x:y@127.0.0.1:{chosen()}/limen"}
    environ |= {"LIMEN_NATS_URL": f"nats://127.0.0.1:{chosen()}"}
    assert doctor.run([], environ) == 1
    said = capsys.readouterr().out
    for failed in ("processes", "public port", "nats", "postgres"):
        assert f"fail  {failed}: " in said


def test_without_any_address_it_says_what_to_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run([], {"LIMEN_DATA_DIR": str(tmp_path / "none")}) == 1
    assert "LIMEN_NATS_URL" in capsys.readouterr().out


def test_dead_and_paused_processes_are_told_apart(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    rows = [{"name": "gone", "pid": 2**22 + 1, "services": [], "admin_port": None}]
    with subprocess.Popen(["sleep", "60"]) as paused:
        rows.append({"name": "paused", "pid": paused.pid, "services": [], "admin_port": None})
        write_json(data.processes, rows)
        paused.send_signal(signal.SIGSTOP)
        try:
            until(lambda: machine._state(paused.pid) == "T")
            found = {each.what: each for each in machine.findings(data, {}, "0.1.0")}
        finally:
            paused.kill()
    assert found["process gone"].says == "does not run at this moment"
    assert "is paused" in found["process paused"].says


def test_an_old_nats_or_one_without_jetstream_fails() -> None:
    assert servers._judged({"version": "2.11.9", "jetstream": True}).standing is Standing.FAIL
    assert servers._judged({"version": "2.15.1"}).standing is Standing.FAIL
    assert servers._judged({"version": "2.15.1-beta", "jetstream": True}).standing is Standing.OK


def test_a_line_of_keys_wants_one_that_signs_and_one_that_is_announced() -> None:
    current, announced = key("a", "current", -3), key("b", "next", 87)
    assert _line("keys", [current, announced], NOW) == Finding(
        Standing.OK, "keys", "a signs since 3 days, b follows in 87 days"
    )
    assert _line("keys", [current], NOW).standing is Standing.WARN
    assert _line("keys", [announced], NOW).standing is Standing.FAIL


def test_spans_are_told_in_a_unit_that_says_something() -> None:
    assert [_span(timedelta(seconds=s)) for s in (1, 119, 120, 7200, 172800)] == [
        "1 seconds",
        "119 seconds",
        "2 minutes",
        "2 hours",
        "2 days",
    ]


def test_help_is_there() -> None:
    done = subprocess.run(plan.limen("doctor", "--help"), capture_output=True, text=True, check=True)
    assert "--json" in done.stdout


def test_a_read_model_that_only_an_earlier_release_moves_is_not_late() -> None:
    assert superseding("login", "connections_v1") == "connections_v2"
    assert superseding("login", "connections_v2") is None
    assert superseding("login", "clients_v1") is None
    assert superseding("audit", "feed_evt_login_0") is None
