"""Typed asks between services: `svc.v1.<service>.<verb>`, one struct in, one struct out.

They are rare: what a service needs often it hears as events. An ask's handler never asks, asks have slots of their own,
no transaction spans an ask, and one that changes something is idempotent by what it names.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from libs.bus import Bus, Serving
from libs.runtime.errors import Unavailable
from libs.telemetry.logs import log

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)

SLOTS: Final = 16
"""Asks of one verb under way at once in one process; the next is told to come back."""


NOTHING: Final = msgspec.Raw(msgspec.msgpack.encode(None))


class AskRefused(Exception):
    """The other service refused; the message is its sentence."""


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    v: int
    refusal: str | None
    is_unavailable: bool
    body: msgspec.Raw


_ANSWER = msgspec.msgpack.Decoder(_Answer)


def subject_of(service: str, verb: str) -> str:
    """The subject of an ask."""
    return f"svc.v1.{service}.{verb}"


async def ask(bus: Bus, service: str, verb: str, question: msgspec.Struct, kind: type[A], *, timeout: float = 2.0) -> A:
    """Ask another service and return its answer.

    Raises:
        Unavailable: it is away, full, or did not answer in time (the work may have been done).
        AskRefused: it refused, with its sentence.
    """
    payload = await bus.request(subject_of(service, verb), msgspec.msgpack.encode(question), timeout=timeout)
    answer = _ANSWER.decode(payload)
    if answer.is_unavailable:
        raise Unavailable(answer.refusal or verb)
    if answer.refusal is not None:
        raise AskRefused(answer.refusal)
    return msgspec.msgpack.decode(answer.body, type=kind)


async def learn(
    bus: Bus, service: str, verb: str, question: msgspec.Struct, kind: type[A], *, timeout: float = 2.0
) -> A:
    """Ask what another service has no reason to refuse.

    Raises:
        Unavailable: as `ask` has it, and where it refused all the same, as one of another release may.
    """
    try:
        return await ask(bus, service, verb, question, kind, timeout=timeout)
    except AskRefused as error:
        raise Unavailable(str(error)) from error


async def answer_asks(
    bus: Bus,
    service: str,
    verb: str,
    kind: type[Q],
    handler: Callable[[Q], Awaitable[msgspec.Struct]],
    *,
    refusals: tuple[type[Exception], ...] = (),
    slots: int = SLOTS,
) -> Serving:
    """Serve one verb; exceptions of `refusals` travel as their sentence, others only as being unavailable."""
    free = asyncio.Semaphore(slots)
    decoder = msgspec.msgpack.Decoder(kind)

    async def serve(payload: bytes) -> bytes:
        if free.locked():
            return _unavailable("too many asks")
        async with free:
            return await _answered(decoder, payload, handler, refusals)

    return await bus.serve(subject_of(service, verb), serve, queue=service)


async def _answered(
    decoder: msgspec.msgpack.Decoder[Any],
    payload: bytes,
    handler: Callable[[Any], Awaitable[msgspec.Struct]],
    refusals: tuple[type[Exception], ...],
) -> bytes:
    try:
        body = await handler(decoder.decode(payload))
    except msgspec.MsgspecError as error:
        return msgspec.msgpack.encode(_Answer(1, str(error), is_unavailable=False, body=NOTHING))
    except refusals as refusal:
        return msgspec.msgpack.encode(_Answer(1, str(refusal), is_unavailable=False, body=NOTHING))
    except Unavailable as error:
        return _unavailable(str(error))
    except Exception as error:  # noqa: BLE001  # a renderer: the asker is told that it failed, the log what failed
        log.error("an ask failed", exc_info=error)
        return _unavailable("the ask failed")
    return msgspec.msgpack.encode(
        _Answer(1, None, is_unavailable=False, body=msgspec.Raw(msgspec.msgpack.encode(body)))
    )


def _unavailable(why: str) -> bytes:
    return msgspec.msgpack.encode(_Answer(1, why, is_unavailable=True, body=NOTHING))
