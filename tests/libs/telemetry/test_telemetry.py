import asyncio
import json
import os
from collections.abc import Iterator

import aiohttp
import msgspec
import pytest
from blockbuster import BlockBuster

from libs.settings import Secret
from libs.telemetry import logs, metrics, stdout, trace
from libs.telemetry.admin import Admin
from libs.telemetry.readiness import Readiness


@pytest.fixture(autouse=True)
def lines_may_be_written(loop_guard: BlockBuster) -> None:
    """Log lines go to stdout only after it was asked whether it takes them."""
    loop_guard.functions["os.write"].can_block_in("telemetry/stdout.py", {"_write_some"})


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]) -> int:
    monkeypatch.setattr(logs, "_stdout", stdout.Stdout(pipe[1]))
    return pipe[0]


def _read(reader: int) -> list[dict[str, object]]:
    logs.flush()
    return [json.loads(line) for line in os.read(reader, 1 << 16).splitlines()]


def test_a_line_is_one_json_object(lines: int) -> None:
    logs.log.info("request", path="/a\n{", status=200, key=Secret("s3cret"))
    (line,) = _read(lines)
    assert line["event"] == "request"
    assert line["level"] == "info"
    assert line["path"] == "/a\n{"
    assert "s3cret" not in str(line)
    assert str(line["at"]).endswith("Z")


def test_a_line_never_raises(lines: int) -> None:
    logs.log.info("odd", text="\ud800", key={(1, 2): object()})
    assert len(_read(lines)) == 1


def test_an_exception_is_a_field(lines: int) -> None:
    try:
        _ = dict[str, int]()["gone"]
    except KeyError:
        logs.log.exception("broken")
    (line,) = _read(lines)
    assert "KeyError: 'gone'" in str(line["exception"])


async def test_lines_are_written_in_batches(lines: int) -> None:
    logs.log.info("one")
    logs.log.info("two")
    os.set_blocking(lines, False)
    with pytest.raises(BlockingIOError):
        os.read(lines, 1)
    await asyncio.sleep(stdout.FLUSH_AFTER * 2)
    assert os.read(lines, 1 << 16).count(b"\n") == 2


@pytest.mark.security("DS-06")
def test_a_full_pipe_drops_lines_and_counts_them(pipe: tuple[int, int]) -> None:
    out = stdout.Stdout(pipe[1])
    line = b"x" * 999
    for _ in range(1200):
        out.write(line)
    assert out.dropped > 0
    received = b""
    while not received.endswith(line + b"\n") or len(received) < 1_048_576:
        received += os.read(pipe[0], 1 << 16)
        out.flush()
    assert set(received.splitlines()) == {line}


def test_a_line_longer_than_a_pipe_takes_is_written_whole(pipe: tuple[int, int]) -> None:
    out = stdout.Stdout(pipe[1])
    out.write(b"y" * 10_000)
    out.write(b"z")
    assert os.read(pipe[0], 1 << 16) == b"y" * 10_000 + b"\nz\n"


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = stdout.Stdout(writer)
    out.write(b"nobody")
    os.close(writer)


@pytest.mark.security("DS-06")
def test_unknown_label_values_are_counted_together() -> None:
    counter = metrics.Counter("limen_test_tokens", "Tokens.", grant=("password",), status=("2xx",))
    for number in range(1000):
        counter.count(f"urn:{number}", "2xx")
    counter.count("password", "5xx")
    text = metrics.exposition().decode()
    assert 'limen_test_tokens_total{grant="other",status="2xx"} 1000.0' in text
    assert 'limen_test_tokens_total{grant="password",status="other"} 1.0' in text


def test_a_histogram_and_a_gauge_without_labels() -> None:
    metrics.Histogram("limen_test_seconds", "Time.").observe(0.2)
    gauge = metrics.Gauge("limen_test_open", "Open.")
    gauge.set(5)
    gauge.add(-2)
    text = metrics.exposition().decode()
    assert "limen_test_seconds_count 1.0" in text
    assert "limen_test_open 3.0" in text


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_child_stays_in_its_trace() -> None:
    found = trace.parse(trace.child(PARENT))
    assert found is not None
    assert found.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert found.parent_id != "b7ad6b7169203331"
    assert trace.parse(trace.Trace.start()) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        PARENT + " ",
        PARENT + "\n",
        PARENT.upper(),
        PARENT.replace("00-", "01-", 1),
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        PARENT.replace("0af", "\u0660af"),
    ],
)
def test_a_malformed_traceparent_starts_a_new_trace(text: str) -> None:
    assert trace.parse(text) is None
    assert trace.parse(trace.child(text)) is not None


async def test_the_admin_port_says_what_is_missing() -> None:
    readiness = Readiness()
    readiness.require("nats", "no connection yet")
    async with Admin(readiness) as admin, aiohttp.ClientSession(f"http://127.0.0.1:{admin.port}") as http:
        assert (await http.get("/livez")).status == 200
        unready = await http.get("/readyz")
        assert unready.status == 503
        assert msgspec.json.decode(await unready.read())["missing"] == {"nats": "no connection yet"}
        readiness.met("nats")
        assert (await http.get("/readyz")).status == 200
        assert "limen_log_lines_dropped_total" in await (await http.get("/metrics")).text()
    readiness.lost("nats", "away")
    assert not readiness.is_ready
