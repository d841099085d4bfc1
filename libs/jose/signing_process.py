"""Owns the process that makes RSA signatures beside ours, and both ends of the pipe to it.

An RSA signature takes as long as everything else that is done for a token. In a thread it costs a fifth more, because
thread and event loop take the interpreter from each other (docs/decisions/0012); a process has an interpreter of its
own. It gets keys and what is to be signed through its standard input, which nobody else can read, and ends with it.

A frame is four bytes of length and a msgpack array: there the questions, each `[kid, alg, key as PKCS #8 where it is
new, input, names last]`, back their signatures. Who names the last lacks the hash of the token before it in the frame.
A single empty input means to forget the key, and gets no answer.
"""

import asyncio
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final, NamedTuple

import msgspec

from libs.jose.keys import private_key_from_der, private_key_to_der
from libs.jose.sign import Signer, token, with_hash
from libs.telemetry.logs import log

PATIENCE: Final = 1.0
"""Seconds after which a process that owes an answer is ended, and between two starts."""

_LENGTH: Final = 4
_CLOSED: Final = (BrokenPipeError, ConnectionResetError, asyncio.IncompleteReadError)

Signed = Callable[[Sequence[bytes] | None], None]
"""Is called with the signatures, or with `None` when the process ended before it made them."""


class ToSign(NamedTuple):
    """A signing input, or one that lacks the hash of the token right before it, which it `names_last`."""

    signer: Signer
    input: bytes
    names_last: bool = False


class _Asked(NamedTuple):
    at: float
    done: Signed


class _Question(msgspec.Struct, array_like=True, frozen=True):
    kid: str
    alg: str
    key: bytes
    input: bytes
    names_last: bool = False


_QUESTIONS: Final = msgspec.msgpack.Decoder(list[_Question])


class SigningProcess:
    """One process, started when it is first wanted and again when it ended."""

    def __init__(self) -> None:
        self._wanted = asyncio.Event()
        self._pipe: asyncio.StreamWriter | None = None
        self._asked: deque[_Asked] = deque()
        self._told: set[str] = set()

    def submit(self, asked: Sequence[ToSign], done: Signed) -> bool:
        """Have inputs signed and `done` called; false, without either, while there is no process."""
        if self._pipe is None:
            self._wanted.set()
            return False
        self._asked.append(_Asked(asyncio.get_running_loop().time(), done))
        self._pipe.write(_frame([self._question(each) for each in asked]))
        return True

    def _question(self, asked: ToSign) -> _Question:
        signer = asked.signer
        key = b"" if signer.kid in self._told else private_key_to_der(signer.private_key)
        self._told.add(signer.kid)
        return _Question(signer.kid, signer.alg, key, asked.input, asked.names_last)

    def forget(self, kid: str) -> None:
        """The key is not needed any more."""
        if self._pipe is not None and kid in self._told:
            self._told.discard(kid)
            self._pipe.write(_frame([_Question(kid, "", b"", b"")]))

    async def run(self) -> None:
        """Keep the process, for ever (a background task)."""
        while True:
            await self._wanted.wait()
            try:
                await self._live()
            except (OSError, *_CLOSED) as error:
                log.warning("signing process ended", reason=repr(error))
            await asyncio.sleep(PATIENCE)

    async def _live(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "libs.jose.signing_process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        watch = asyncio.create_task(self._watch(process))
        try:
            self._pipe = process.stdin
            await self._answers(process.stdout)
        finally:
            self._forsake()
            watch.cancel()
            process.stdin.close()
            await _ended(process)

    async def _answers(self, pipe: asyncio.StreamReader) -> None:
        while True:
            length = int.from_bytes(await pipe.readexactly(_LENGTH), "big")
            signatures = msgspec.msgpack.decode(await pipe.readexactly(length), type=list[bytes])
            self._asked.popleft().done(signatures)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """End a process that hangs: whoever waits for it then signs himself."""
        while True:
            await asyncio.sleep(PATIENCE)
            if self._asked and asyncio.get_running_loop().time() - self._asked[0].at > PATIENCE:
                process.kill()

    def _forsake(self) -> None:
        self._pipe = None
        self._told.clear()
        while self._asked:
            self._asked.popleft().done(None)


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _frame(message: object) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(_LENGTH, "big") + body


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the questions end."""
    signers: dict[str, Signer] = {}
    while len(length := questions.read(_LENGTH)) == _LENGTH:
        asked = _QUESTIONS.decode(questions.read(int.from_bytes(length, "big")))
        if not asked[0].input:
            del signers[asked[0].kid]
            continue
        answers.write(_frame(_signatures(signers, asked)))
        answers.flush()


def _signatures(signers: dict[str, Signer], asked: Sequence[_Question]) -> list[bytes]:
    made: list[bytes] = []
    last = b""
    for each in asked:
        if each.key:
            signers[each.kid] = Signer(each.alg, each.kid, private_key_from_der(each.key))
        last = with_hash(each.input, token(last, made[-1])) if each.names_last else each.input
        made.append(signers[each.kid].signature(last))
    return made


if __name__ == "__main__":
    # Whoever stops us closes the pipe, after the last question; a signal to the whole group must not come before.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
