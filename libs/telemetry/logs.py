"""Owns log lines: one JSON object a line on stdout, made by structlog and written by msgspec.

A canonical line per request is on the hot path, so the logger is built once (no lazy proxy), its three steps do no
more than they must, and the line is written in a batch (`libs.telemetry.stdout`).
"""

import atexit
import logging
import time
from typing import Any, cast

import msgspec
import structlog
from structlog import BoundLoggerBase
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from libs.telemetry.stdout import Stdout

_stdout = Stdout()
_encoder = msgspec.json.Encoder(enc_hook=repr)
_formatted = structlog.processors.ExceptionRenderer()
_stamped = structlog.processors.TimeStamper(fmt="iso", utc=True, key="at")
_service = "limen"


class _Sink:
    """What structlog calls with the finished line, whatever its level."""

    def _write(self, line: bytes) -> None:
        _stdout.write(line)

    debug = info = warning = error = critical = fatal = exception = msg = _write


def configure(service: str) -> None:
    """Name the process in its lines, and let the lines of the libraries (warnings and worse) take the same way."""
    global _service  # noqa: PLW0603 - a process has one name
    _service = service
    logging.basicConfig(handlers=[_Foreign()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


@atexit.register
def flush() -> None:
    """Write what waits, as far as stdout takes it; the last thing a process does."""
    _stdout.flush()


def _named(_: Any, level: str, fields: EventDict) -> EventDict:
    fields["level"] = level
    fields.setdefault("service", _service)
    return fields


def _with_exception(logger: Any, level: str, fields: EventDict) -> EventDict:
    return _formatted(logger, level, fields) if fields.get("exc_info") else fields


def _rendered(_: Any, __: str, fields: EventDict) -> bytes:
    """JSON, whatever was given: a line must never be the reason why a request fails."""
    try:
        return _encoder.encode(fields)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return _encoder.encode({ascii(name): ascii(value) for name, value in fields.items()})


_STEPS: list[Processor] = [_named, _stamped, _with_exception, _rendered]

log: FilteringBoundLogger = cast(
    "FilteringBoundLogger",
    cast("type[BoundLoggerBase]", structlog.make_filtering_bound_logger(logging.INFO))(_Sink(), _STEPS, {}),
)
"""`log.info("event_name", field=value)`: the first word says what happened, the fields say the rest."""


def canonical(event: str, fields: dict[str, Any]) -> None:
    """The line each request leaves, at info level: as `log.info` would write it, at a quarter of its cost."""
    fields |= {"event": event, "level": "info", "at": _now(), "service": fields.get("service", _service)}
    _stdout.write(_rendered(None, "info", fields))


_second = (0, "")


def _now() -> str:
    """The time as the other lines write it; its first part is made once a second."""
    global _second  # noqa: PLW0603 - a cache of one
    nanoseconds = time.time_ns()
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    if _second[0] != seconds:
        _second = (seconds, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)))
    return f"{_second[1]}.{rest // 1000:06d}Z"


class _Foreign(logging.Handler):
    """The standard library's logging, for the packages that use it."""

    def emit(self, record: logging.LogRecord) -> None:
        # aiohttp and asyncio log with the exception attached; the traceback stays one field of one line.
        level = "critical" if record.levelno >= logging.CRITICAL else record.levelname.lower()
        say = {"critical": log.critical, "error": log.error, "warning": log.warning}.get(level, log.info)
        say("library", logger=record.name, message=_message(record), exc_info=record.exc_info)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)
