"""Owns `python -m tests.bench profile`: which functions the gateway and the token service spend their time in.

py-spy looks at the running processes from outside, so they run as they always do; it must be allowed to (as root, or
where `kernel.yama.ptrace_scope` is 0).
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import limen, load, parts
from tests.bench.contenders import Contender, ask_once
from tests.stack import Stack

PROFILED: Final = ("gateway", "token")
PY_SPY: Final = Path(sys.executable).with_name("py-spy")
SHOWN: Final = 35
WARM_UP: Final = 3
AFTER: Final = 1
"""Seconds the load goes on after the last look."""


@dataclass(frozen=True)
class Looks:
    """How often each function was seen at work: `inner` on top of the stack, `within` anywhere on it."""

    total: int
    inner: Counter[str]
    within: Counter[str]


def profile(alg: str, seconds: int, *, rate: int, folder: Path, native: bool) -> None:
    """Load a stack of our own and print where its time goes; the raw stacks stay in `folder`."""
    with parts.fresh_stack() as stack:
        stack.start()
        contender = next(each for each in limen.contenders(stack) if each.alg == alg)
        ask_once(contender)
        plain = _loaded(contender, WARM_UP)
        plain = _loaded(contender, seconds)
        said = _spied(stack, contender, seconds, rate, folder, ["--native"] if native else [])
    _print_cpu(contender, plain)
    for name, path in said.items():
        _print_looks(name, looks(path.read_text().splitlines()), _share(plain, name, seconds))


def _loaded(contender: Contender, seconds: int) -> load.Shot:
    return load.fired(contender.target, seconds, contender.watched)


def _spied(
    stack: Stack, contender: Contender, seconds: int, rate: int, folder: Path, further: Sequence[str]
) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}-{contender.alg}.raw" for name in PROFILED}
    # They start to look when the load is under way: attaching takes less than a second.
    spies = [_spy(stack.pid_of(name), path, seconds, rate, further) for name, path in paths.items()]
    _loaded(contender, seconds + AFTER)
    for spy in spies:
        assert spy.wait(60) == 0, "py-spy failed; it needs root, or kernel.yama.ptrace_scope=0"
    return paths


def _spy(pid: int, path: Path, seconds: int, rate: int, further: Sequence[str]) -> "subprocess.Popen[bytes]":
    command = [str(PY_SPY), "record", "-f", "raw", "-o", str(path), "-d", f"{seconds}", "-r", str(rate)]
    return subprocess.Popen([*command, "-p", str(pid), *further], stdout=subprocess.DEVNULL)


def looks(lines: Iterable[str]) -> Looks:
    """Read py-spy's raw format: frames from the outermost in, joined by `;`, a blank, and how often it was seen."""
    total, inner, within = 0, Counter[str](), Counter[str]()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = [_function(frame) for frame in stack.split(";")]
        total += int(count)
        inner[frames[-1]] += int(count)
        within.update(dict.fromkeys(frames, int(count)))  # once each, however deep it calls itself
    return Looks(total, inner, within)


def _function(frame: str) -> str:
    """`name (file:line)` without its line, so that a function is one entry."""
    name, _, place = frame.partition(" (")
    return f"{name} ({place.rstrip(')').rpartition(':')[0] or place.rstrip(')')})"


def _share(shot: load.Shot, name: str, seconds: int) -> float:
    return shot.cpu.get(name, 0.0) / seconds


def _print_cpu(contender: Contender, shot: load.Shot) -> None:
    print_line(f"{contender.name}: {shot.rate:,.0f} tokens/s, p50 {shot.p50:.1f} ms, p99 {shot.p99:.1f} ms (no spy)")
    print_line(f"{'program':24}{'processors':>12}{'µs a token':>12}")
    for name, seconds in sorted(shot.cpu.items(), key=lambda item: -item[1]):
        print_line(f"{name:24}{seconds / shot.seconds:12.2f}{seconds / max(1, shot.good) * 1e6:12.0f}")
    print_line(f"{'strangers':24}{shot.strangers:12.2f}")


def _print_looks(name: str, seen: Looks, share: float) -> None:
    for title, counted in (("by itself", seen.inner), ("with what it calls", seen.within)):
        print_line(f"\n{name} ({share:.2f} processors): {title}, % of {seen.total} looks")
        for function, count in counted.most_common(SHOWN):
            print_line(f"{100 * count / max(1, seen.total):6.1f}  {function}")


def print_line(line: str) -> None:
    """One line of the result."""
    sys.stdout.write(f"{line}\n")
