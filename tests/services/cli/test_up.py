import json
import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

from services.cli.embedded.ports import is_free
from services.cli.quickstart import NAMES, read
from tests.services.cli.conftest import Up, eventually, is_alive

SERVING = ("gateway", "token", "login", "tenants,key_rotation,connections", "audit")


def test_everything_runs_as_direct_children_in_groups_of_their_own(up: Up) -> None:
    process = up.start()
    rows = up.processes()
    assert [row["name"] for row in rows] == ["nats", "postgres", *SERVING]
    assert all(set(row) == {"name", "pid", "services", "admin_port"} for row in rows)
    assert rows[5]["services"] == ["tenants", "key_rotation", "connections"]
    assert [row["admin_port"] is None for row in rows] == [True, True, *(False for _ in SERVING)]
    for row in rows:
        parent, group = Path(f"/proc/{row['pid']}/stat").read_text().rpartition(")")[2].split()[1:3]
        assert (int(parent), int(group)) == (process.pid, row["pid"])


def test_whoever_answers_applications_goes_before_pages_and_the_feed(up: Up) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    nicer = {row["name"]: os.getpriority(os.PRIO_PROCESS, row["pid"]) - ours for row in up.processes()}
    assert nicer == dict.fromkeys(nicer, 0) | {"login": min(12, 19 - ours), "audit": min(10, 19 - ours)}


def test_mails_are_shown_where_no_mail_server_is_given(up: Up) -> None:
    told = json.loads((up.data.path / "told-tenants-key_rotation-connections.json").read_text())
    assert told["LIMEN_DEV_MAILBOX"] == "on"
    assert re.search(r"Mailbox +http://localhost:\d+/dev/mailbox", up.said.read_text())


def test_quickstart_env_is_private_and_holds_exactly_its_names(up: Up) -> None:
    values = read(up.data.quickstart)
    assert tuple(values) == NAMES
    assert all(values.values())
    assert stat.S_IMODE(up.data.quickstart.stat().st_mode) == 0o600
    sourced = subprocess.run(
        ["sh", "-c", f". {up.data.quickstart}; echo $LIMEN_ISSUER"], capture_output=True, text=True, check=True
    )
    assert sourced.stdout == f"http://localhost:{up.port}/\n"


def test_a_service_is_told_its_own_addresses_and_nobody_elses(up: Up) -> None:
    token = json.loads((up.data.path / "told-token.json").read_text())
    gateway = json.loads((up.data.path / "told-gateway.json").read_text())
    assert "limen_token:" in token["LIMEN_TOKEN_POSTGRES_URL"]
    assert not {"LIMEN_POSTGRES_URL", "LIMEN_NATS_URL", "LIMEN_TENANTS_NATS_URL"} & set(token)
    assert not [name for name in gateway if name.startswith("LIMEN_KEY_VAULT") or name.endswith("POSTGRES_URL")]


def test_a_second_start_on_the_same_directory_is_refused_in_one_line(up: Up) -> None:
    second = Up(up.data.path)
    second.said = up.said.with_name("second")
    assert second.process is None
    line = second.refusal()
    assert re.fullmatch(r"limen: limen up already runs on \S+ \(process \d+\)\.\n", line)


def test_a_taken_port_is_one_line(up: Up, tmp_path: Path) -> None:
    other = Up(tmp_path / "data")
    taken = str(up.processes()[2]["admin_port"])
    line = other.refusal(LIMEN_PORT=taken)
    assert line.startswith(f"limen: port {taken} on 127.0.0.1 is taken")
    assert line.count("\n") == 1


def test_killed_children_are_back_within_a_second_or_so(up: Up) -> None:
    for name in ("token", "nats", "postgres"):
        before = up.pid(name)
        os.kill(before, signal.SIGKILL)
        killed_at = time.monotonic()
        eventually(lambda name=name, before=before: up.pid(name) not in {0, before} and is_alive(up.pid(name)), 2)  # type: ignore[misc]
        assert time.monotonic() - killed_at < 1.2
    ports = json.loads(up.data.ports.read_text())
    eventually(lambda: not is_free(ports["postgres"]) and not is_free(ports["nats"]))


def test_sigterm_stops_everything_and_ends_well(up: Up) -> None:
    pids = [row["pid"] for row in up.processes()]
    assert up.stop() == 0
    assert not any(map(is_alive, pids))
    assert up.processes() == []
    assert "database system is shut down" in (up.data.logs / "postgres.log").read_text()


def test_a_second_start_keeps_ports_secrets_and_data_and_takes_its_own_addresses_for_its_own(up: Up) -> None:
    before, ports = read(up.data.quickstart), up.data.ports.read_text()
    key = up.data.key.read_text()
    up.start("--replicas", "token=2", **before)
    assert [row["services"] for row in up.processes()].count(["token"]) == 2
    assert up.pid("postgres")
    assert read(up.data.quickstart) == before
    assert {**json.loads(up.data.ports.read_text()), **json.loads(ports)} == json.loads(up.data.ports.read_text())
    assert up.data.key.read_text() == key


def test_nothing_outlives_a_killed_limen_up_and_the_next_one_starts_over_it(up: Up) -> None:
    pids = [row["pid"] for row in up.processes()]
    up.stop(signal.SIGKILL)
    eventually(lambda: not any(map(is_alive, pids)), 5)
    assert "database system is shut down" in (up.data.logs / "postgres.log").read_text().splitlines()[-1]
    up.start()


def test_a_start_right_after_a_kill_waits_for_what_was_left_even_if_it_was_paused(up: Up) -> None:
    pids = [row["pid"] for row in up.processes()]
    os.kill(up.pid("token"), signal.SIGSTOP)
    os.kill(up.pid("postgres"), signal.SIGSTOP)
    eventually(lambda: "T" in Path(f"/proc/{up.pid('token')}/stat").read_text())
    up.stop(signal.SIGKILL)
    up.start()
    assert not any(map(is_alive, pids))


def test_a_deleted_quickstart_env_gets_new_secrets_and_says_so(up: Up) -> None:
    old = read(up.data.quickstart)
    up.stop(signal.SIGINT)
    up.data.quickstart.unlink()
    up.start()
    assert "get new ones" in up.said.read_text()
    new = read(up.data.quickstart)
    assert new["LIMEN_CLIENT_SECRET"] != old["LIMEN_CLIENT_SECRET"]
    assert new | {name: old[name] for name in new if name.endswith("_SECRET")} == old


def test_it_stays_small(up: Up) -> None:
    assert up.process
    loaded = Path(f"/proc/{up.process.pid}/maps").read_text()
    assert not re.search(r"asyncpg|aiohttp|uvloop|cryptography", loaded)
    up.stop()


def test_a_key_that_is_gone_is_not_made_again_beside_an_old_database(up: Up) -> None:
    up.data.key.unlink()
    up.start()
    assert not up.data.key.exists()
    up.stop()


def test_tls_makes_a_certificate_and_an_https_issuer(up: Up) -> None:
    up.start("--tls")
    assert read(up.data.quickstart)["LIMEN_ISSUER"] == f"https://localhost:{up.port}/"
    assert "--cacert" in up.said.read_text()
    told = json.loads((up.data.path / "told-gateway.json").read_text())
    assert Path(told["LIMEN_TLS_CERTIFICATE"]).exists()
    up.stop()


def test_a_certificate_of_the_operators_is_used_and_the_issuer_is_https(up: Up) -> None:
    up.start(LIMEN_TLS_CERTIFICATE="own.pem", LIMEN_TLS_KEY="own.key")
    assert read(up.data.quickstart)["LIMEN_ISSUER"] == f"https://localhost:{up.port}/"
    assert "--cacert" not in up.said.read_text()
    told = json.loads((up.data.path / "told-gateway.json").read_text())
    assert (told["LIMEN_TLS_CERTIFICATE"], told["LIMEN_TLS_KEY"]) == ("own.pem", "own.key")
    up.stop()


def test_a_service_that_cannot_start_ends_the_start_with_its_reason(up: Up) -> None:
    said = up.refusal(STAND_IN_BROKEN="token")
    assert "token does not start, it ended with code 1: LIMEN_SOMETHING is wrong" in said.splitlines()[-1]
    assert up.processes() == []


def test_an_unready_service_is_waited_for_and_an_interrupt_still_stops_everything(up: Up, tmp_path: Path) -> None:
    unready = tmp_path / "unready"
    unready.touch()
    process = up.begin(STAND_IN_UNREADY=str(unready))
    eventually(lambda: up.data.processes.exists() and up.pid("tenants,key_rotation,connections"))
    assert "is ready" not in up.said.read_text()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert up.processes() == []


def test_a_second_interrupt_does_not_wait_for_a_stubborn_service(up: Up) -> None:
    process = up.start(STAND_IN_STUBBORN="gateway")
    database = up.pid("postgres")
    for _ in range(3):
        process.send_signal(signal.SIGINT)
    time.sleep(0.6)  # what is shown is that nothing happens meanwhile
    assert is_alive(up.pid("gateway"))
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0
    assert not is_alive(database)


def test_an_external_server_that_does_not_answer_is_one_line(up: Up) -> None:
    said = up.refusal(LIMEN_POSTGRES_URL="postgresql://limen:x@127.0.0.1:1/limen")
    assert "nothing answers at 127.0.0.1:1, which LIMEN_POSTGRES_URL names" in said.splitlines()[-1]


def test_an_address_that_is_none_is_one_line_without_its_password(up: Up) -> None:
    for wrong in ("postgresql://h:abc/x", "postgresql://u:s3cret/word@h/x", "postgresql://u:s3cret@a:1,b:2/x"):
        said = up.refusal(LIMEN_POSTGRES_URL=wrong)
        assert said.splitlines()[-1].startswith("limen: LIMEN_POSTGRES_URL must be an address such as")
        assert "s3cret" not in said
    said = up.refusal(LIMEN_NATS_URL="nats://h:abc")
    assert said.splitlines()[-1].startswith("limen: LIMEN_NATS_URL must be an address such as")


def test_wrong_options_are_one_line_and_code_two(up: Up) -> None:
    assert up.refusal(LIMEN_PORT="http").startswith("limen: LIMEN_PORT must be a port")
    assert up.refusal("--replicas", "gateway=2").startswith("limen: --replicas takes SERVICE=N")


def test_external_servers_replace_the_embedded_ones(up: Up) -> None:
    up.start()
    given = read(up.data.quickstart)
    servers = {name: given[name] for name in ("LIMEN_POSTGRES_URL", "LIMEN_NATS_URL")}
    other = Up(up.data.path.with_name("other"))
    other.said = up.said.with_name("other-said")
    other.start(**servers)
    assert {row["name"] for row in other.processes()} == set(SERVING)
    assert servers.items() <= read(other.data.quickstart).items()
    assert other.stop() == 0
    assert up.pid("postgres")
    assert up.stop() == 0
