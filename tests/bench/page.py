"""Owns docs/reference/performance.md: what of it is generated, and what is written by hand and kept."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from tests.bench import contenders, limen, machine
from tests.bench import sections as further
from tests.bench.figures import Figure, figure, number, ratios
from tests.bench.load import Shot
from tests.bench.parts import Measured, Wanted
from tests.bench.table import Aim, table

PATH: Final = contenders.ROOT / "docs" / "reference" / "performance.md"
KEPT: Final = re.compile(r"<!-- kept: (\w+) -->\n(.*?)<!-- /kept -->", re.DOTALL)
SPECIMEN: Final = "Write here what the table does not say; it is kept when the page is written anew.\n"
MIB: Final = 2**20

OPENING: Final = """\
# Performance

`make bench` measures everything below in one run on one machine, one after another in turns, and writes this page.
Only the ratios mean anything elsewhere.
A token of Limen is answered when its event is committed, by a statement that verifies the rows it was decided from.
The relays run, and the mirror in NATS must have caught up five seconds after each load.
`audit`, which publishes what happens, is paused while tokens are compared with programs that publish nothing.
What it costs is measured by itself.
`oidc-provider` keeps everything in memory.
"""


def rendered(found: Measured, wanted: Wanted, *, day: str, facts: Sequence[tuple[str, str]], old: str = "") -> str:
    """The page; hand-written parts are taken from `old`."""
    kept: dict[str, str] = dict(KEPT.findall(old))
    sections = [OPENING, _when(found, wanted, day), _machine(facts), _aims(aims(found))]
    sections += [_tokens(found), _processors(found), _by_hand("where_the_time_goes", kept)]
    sections += [*further.sections(found), _starts(found), _memory(found), _by_hand("notes", kept)]
    return "\n".join(section for section in sections if section)


def _when(found: Measured, wanted: Wanted, day: str) -> str:
    lines = [f"Measured on {day}: {wanted.rounds} rounds of {wanted.seconds} s after warming up; medians and ranges."]
    lines += [f"**{missing}.**" for missing in found.missing]
    lines += [f"**Wrong: {complaint}.**" for complaint in found.complaints]
    if found.strangers > machine.QUIET:
        lines.append(f"**Provisional: other programs used up to {found.strangers:.2f} processors meanwhile.**")
    return "\n".join(lines) + "\n"


def _machine(facts: Sequence[tuple[str, str]]) -> str:
    return "## The machine\n\n" + table(("", ""), facts, right=False)


def _aims(lines: Sequence[Aim]) -> str:
    rows = [(line.what, line.measured, line.aim, "yes" if line.is_reached else "no") for line in lines]
    return "## What is asked\n\n" + table(("", "measured", "aim", "reached"), rows)


def aims(found: Measured) -> list[Aim]:
    """What DESIGN asks for, as far as it was measured."""
    lines = [aim for alg, asked in (("ES256", 1.0), ("RS256", 0.9)) for aim in _ratio_aims(found, alg, asked)]
    if found.kept:
        slowest = max(kept.caught_up for kepts in found.kept.values() for kept in kepts)
        bound = limen.CATCH_UP_BOUND
        lines.append(
            Aim("the mirror has caught up, after a load", f"{slowest:.2f} s", f"{bound:g} s", slowest <= bound)
        )
    if found.idle:
        total = sum(found.idle.values()) / MIB
        lines.append(Aim("the whole stack, idle, PSS", f"{total:.0f} MB", "450 MB", total <= 450))
    if found.warm:
        warm = figure(found.warm)
        lines.append(Aim("`limen up` to the first token, warm", f"{warm.text(2)} s", "5 s", warm.median <= 5))
    return [*lines, *further.aims(found)]


def _ratio_aims(found: Measured, alg: str, asked: float) -> Iterable[Aim]:
    ratio = _ratio(found, f"{limen.WHO} {alg}")
    if ratio is not None:
        measured = f"{ratio.text(2)} ({ratio.range(2)})"
        yield Aim(f"{alg} beside oidc-provider", measured, f"{asked:g}", ratio.median >= asked)
    if shots := found.shots.get(f"{limen.WHO} {alg}"):
        tail = figure([shot.p99 / shot.p50 for shot in shots])
        yield Aim(f"{alg}, p99 in multiples of p50", tail.text(1), "8", tail.median <= 8)


def _ratio(found: Measured, name: str) -> Figure | None:
    """The rate of a line beside oidc-provider's with the same algorithm, round by round."""
    line = next((each for each in found.order if each.name == name), None)
    peers = [
        each.name for each in found.order if line and each.alg == line.alg and each.who.startswith(contenders.PEER)
    ]
    if line is None or not peers:
        return None
    return ratios([shot.rate for shot in found.shots[name]], [shot.rate for shot in found.shots[peers[0]]])


def _tokens(found: Measured) -> str:
    if not found.shots:
        return ""
    heads = ("64 connections", "answers/s", "range", "beside oidc-provider", "p50, ms", "p99, ms")
    return "## Tokens a second\n\n" + table(heads, [_token_row(found, name) for name in found.shots])


def _token_row(found: Measured, name: str) -> tuple[str, ...]:
    shots, ratio = found.shots[name], _ratio(found, name)
    rate, p50, p99 = (figure([getattr(shot, what) for shot in shots]) for what in ("rate", "p50", "p99"))
    beside = f"{ratio.text(2)} ({ratio.range(2)})" if ratio else ""
    return name, rate.text(), rate.range(), beside, p50.text(1), p99.text(1)


def _processors(found: Measured) -> str:
    """What an answer costs each program, and how much of the processors it kept busy."""
    rows = [(name, *cells) for name, shots in found.shots.items() for cells in _cost(shots)]
    heads = ("64 connections", "program", "µs of processor time an answer", "processors busy")
    return "## Where the time goes\n\n" + table(heads, rows) if rows else ""


def _cost(shots: Sequence[Shot]) -> list[tuple[str, str, str]]:
    """Program, cost and share, the dearest first; what costs next to nothing is left out."""
    each = {program: [shot.cpu[program] / max(1, shot.good) * 1e6 for shot in shots] for program in shots[0].cpu}
    busy = {program: [shot.cpu[program] / shot.seconds for shot in shots] for program in shots[0].cpu}
    costs = sorted(((figure(values).median, program) for program, values in each.items()), reverse=True)
    return [(program, number(cost), figure(busy[program]).text(2)) for cost, program in costs if cost >= 1]


def _starts(found: Measured) -> str:
    rows = [] if found.cold is None else [("cold, on an empty data directory", f"{found.cold:.2f}", "")]
    if found.warm:
        warm = figure(found.warm)
        rows.append(("warm, on the same data directory", warm.text(2), warm.range(2)))
    return "## From `limen up` to the first token\n\n" + table(("", "s", "range"), rows) if rows else ""


def _memory(found: Measured) -> str:
    if not found.idle:
        return ""
    rows = [(name, _mb(size), _mb(found.after.get(name))) for name, size in found.idle.items()]
    rows.append(("together", _mb(sum(found.idle.values())), _mb(sum(found.after.values()) or None)))
    heads = ("", "idle after the start", "idle after the loads")
    return "## Memory\n\nProportional set size, in MB.\n\n" + table(heads, rows)


def _mb(size: int | None) -> str:
    return "" if size is None else number(size / MIB)


def _by_hand(name: str, kept: dict[str, str]) -> str:
    return f"<!-- kept: {name} -->\n{kept.get(name, SPECIMEN)}<!-- /kept -->\n"
