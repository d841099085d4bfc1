"""The process that signs beside ours: it answers in order, it may die or hang, and it ends with its pipe."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from libs.jose import Signer, SigningKey
from libs.jose.sign import token, with_hash
from libs.jose.signing_process import PATIENCE, SigningProcess, ToSign
from tests.signing import signing_processes

DEADLINE = 20


def signer_of(key: SigningKey) -> Signer:
    return Signer(key.alg, key.kid, key.private)


@pytest.fixture
async def beside() -> AsyncIterator[SigningProcess]:
    process = SigningProcess()
    task = asyncio.create_task(process.run())
    yield process
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert signing_processes() == []


def unwanted(_: object) -> None:
    pytest.fail("nothing was asked")


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not is_so():  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)


async def signed(process: SigningProcess, signer: Signer, inputs: Sequence[bytes]) -> Sequence[bytes] | None:
    answer: asyncio.Future[Sequence[bytes] | None] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(DEADLINE):
        while not process.submit([ToSign(signer, each) for each in inputs], answer.set_result):  # noqa: ASYNC110 - the state is another process's
            await asyncio.sleep(0.01)
        return await answer


async def test_nothing_runs_before_it_is_wanted(beside: SigningProcess, signing_keys: dict[str, SigningKey]) -> None:
    await asyncio.sleep(0)
    assert signing_processes() == []
    assert not beside.submit([ToSign(signer_of(signing_keys["RS256"]), b"x")], unwanted)


async def test_each_question_gets_its_own_answer(beside: SigningProcess, signing_keys: dict[str, SigningKey]) -> None:
    rs256, es256 = signer_of(signing_keys["RS256"]), signer_of(signing_keys["ES256"])
    await signed(beside, rs256, [b"first"])
    inputs = [[f"{number}.{each}".encode() for each in range(number % 4 + 1)] for number in range(20)]
    answers = await asyncio.gather(*(signed(beside, rs256, each) for each in inputs))
    assert answers == [[rs256.signature(one) for one in each] for each in inputs]
    both: asyncio.Future[Sequence[bytes] | None] = asyncio.get_running_loop().create_future()
    assert beside.submit([ToSign(es256, b"x"), ToSign(rs256, b"x")], both.set_result)
    one, other = await both or ()
    assert len(one) == 64
    assert other == rs256.signature(b"x")


async def test_an_id_token_names_the_access_token_of_its_question(
    beside: SigningProcess, signing_keys: dict[str, SigningKey]
) -> None:
    signer = signer_of(signing_keys["RS256"])
    await signed(beside, signer, [b"first"])
    access, lacking = signer.signing_input({"sub": "a"}), signer.lacking_hash({"sub": "a"})
    both: asyncio.Future[Sequence[bytes] | None] = asyncio.get_running_loop().create_future()
    asked = [ToSign(signer, b"another"), ToSign(signer, access), ToSign(signer, lacking, names_last=True)]
    assert beside.submit(asked, both.set_result)
    _, of_access, of_id = await both or ()
    assert of_access == signer.signature(access)
    assert of_id == signer.signature(with_hash(lacking, token(access, of_access)))


async def test_a_key_that_is_forgotten_is_told_again(
    beside: SigningProcess, signing_keys: dict[str, SigningKey]
) -> None:
    signer = signer_of(signing_keys["RS256"])
    beside.forget(signer.kid)
    expected = [signer.signature(b"x")]
    assert await signed(beside, signer, [b"x"]) == expected
    beside.forget(signer.kid)
    beside.forget(signer.kid)
    assert await signed(beside, signer, [b"x"]) == expected


async def test_who_waits_for_a_process_that_dies_is_told_and_the_next_is_served(
    beside: SigningProcess, signing_keys: dict[str, SigningKey]
) -> None:
    signer = signer_of(signing_keys["RS256"])
    await signed(beside, signer, [b"x"])
    (pid,) = signing_processes()
    os.kill(pid, signal.SIGSTOP)
    waiting = asyncio.create_task(signed(beside, signer, [b"x"]))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    assert await waiting is None
    assert await signed(beside, signer, [b"x"]) == [signer.signature(b"x")]
    assert signing_processes() != [pid]


async def test_a_process_that_hangs_is_ended(beside: SigningProcess, signing_keys: dict[str, SigningKey]) -> None:
    signer = signer_of(signing_keys["RS256"])
    await signed(beside, signer, [b"x"])
    (pid,) = signing_processes()
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(3 * PATIENCE + 2):
        assert await signed(beside, signer, [b"x"]) is None
    await until(lambda: pid not in signing_processes())


async def test_signals_to_the_group_do_not_end_it(beside: SigningProcess, signing_keys: dict[str, SigningKey]) -> None:
    signer = signer_of(signing_keys["RS256"])
    await signed(beside, signer, [b"x"])
    (pid,) = signing_processes()
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)
    assert await signed(beside, signer, [b"x"]) is not None
    assert signing_processes() == [pid]
