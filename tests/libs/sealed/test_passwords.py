"""The pool of argon2: one cost for every answer, exact passwords, bounded."""

import asyncio
import subprocess
import sys

import pytest
from argon2 import PasswordHasher

from libs.runtime.errors import Unavailable
from libs.sealed.passwords import (
    Passwords,
    PasswordTooLong,
    Verified,
    is_supported,
)

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


async def test_a_password_is_found_right_and_every_other_wrong() -> None:
    passwords = Passwords()
    phc = await passwords.hashed_of("correct horse")
    assert phc.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verified("correct horse", phc) == Verified(is_right=True, needs_upgrade=False)
    assert not (await passwords.verified("correct horsf", phc)).is_right
    passwords.close()


@pytest.mark.security("LG-20")
@pytest.mark.parametrize(
    "password",
    [" leading", "trailing ", "nul\0byte", "emoji 🐎🔋", "x" * 128, "y" * 1024, "A\u030a", "tab\t", "\ud800bad"],
)
async def test_a_password_is_exact(password: str) -> None:
    passwords = Passwords()
    phc = await passwords.hashed_of(password)
    assert (await passwords.verified(password, phc)).is_right
    for other in (password.strip(), password[:-1], password.split("\0", maxsplit=1)[0], password + "z"):
        if other != password:
            assert not (await passwords.verified(other, phc)).is_right
    passwords.close()


@pytest.mark.security("LG-20")
async def test_a_password_over_the_limit_is_refused_and_never_cut() -> None:
    passwords = Passwords()
    with pytest.raises(PasswordTooLong):
        await passwords.hashed_of("x" * 1025)
    phc = await passwords.hashed_of("x" * 1024)
    assert not (await passwords.verified("x" * 1025, phc)).is_right
    passwords.close()


@pytest.mark.security("LG-01")
async def test_every_answer_costs_one_argon2() -> None:
    passwords = Passwords()
    phc = await passwords.hashed_of("right")
    for password, known in (
        ("right", phc),
        ("wrong", phc),
        ("", phc),
        ("x" * 5000, phc),
        ("right", None),
        ("", None),
        ("right", "$2b$12$not-argon2"),
        ("right", "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQxMjM$c29tZWhhc2hzb21laGFzaA"),
    ):
        before = passwords.hashed
        await passwords.verified(password, known)
        assert passwords.hashed == before + 1
    passwords.close()


async def test_a_hash_of_another_cost_is_right_and_wants_an_upgrade() -> None:
    passwords = Passwords()
    phc = CHEAP.hash("imported")
    assert await passwords.verified("imported", phc) == Verified(is_right=True, needs_upgrade=True)
    assert await passwords.verified("wrong", phc) == Verified(is_right=False, needs_upgrade=False)
    passwords.close()


def test_an_imported_hash_may_not_cost_too_much() -> None:
    tail = "$c29tZXNhbHQxMjM$c29tZWhhc2hzb21laGFzaA"
    assert is_supported(f"$argon2id$v=19$m=65536,t=3,p=4{tail}")
    for dear in ("m=300000,t=2,p=1", "m=19456,t=17,p=1", "m=19456,t=2,p=17", "m=0,t=1,p=1", "m=-1,t=1,p=1"):
        assert not is_supported(f"$argon2id$v=19${dear}{tail}")
    assert not is_supported("$2b$12$abcdefghijklmnopqrstuv")


@pytest.mark.parametrize(("started", "hashes_at"), [(0, 15), (19, 19)])
def test_whoever_hashes_gives_way_and_never_goes_before_its_own_process(started: int, hashes_at: int) -> None:
    script = f"""
import asyncio, os, threading
from libs.sealed.passwords import Passwords

passwords = Passwords(threads=1)
os.setpriority(os.PRIO_PROCESS, 0, max({started}, os.getpriority(os.PRIO_PROCESS, 0)))
asyncio.run(passwords.verified("x", None))
hashing = next(each for each in threading.enumerate() if each.name.startswith("argon2"))
print(os.getpriority(os.PRIO_PROCESS, hashing.native_id))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(said.stdout) >= hashes_at


async def test_a_full_queue_says_so_at_once_and_is_free_again() -> None:
    passwords = Passwords(threads=1, queue=1)
    waiting = [asyncio.create_task(passwords.verified("x", None)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as full:
        await passwords.verified("x", None)
    assert full.value.retry_after >= 1
    waiting[0].cancel()
    await asyncio.wait(waiting)
    assert not (await passwords.verified("x", None)).is_right
    passwords.close()
