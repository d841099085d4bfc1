"""Owns the order of a run: who is measured after whom, and what is kept of it."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.bench import contenders, feed, limen, load, logs, management, openloop, people, replicas, spread, starts
from tests.bench.contenders import Contender
from tests.bench.limen import Kept
from tests.bench.load import Shot
from tests.bench.openloop import Timetable
from tests.stack import Stack

PARTS = (
    *("starts", "memory", "tokens", "open-loop", "lag", "feed", "people", "management", "sizes"),
    *("rebuild", "verify", "replicas"),
)


@dataclass(frozen=True)
class Wanted:
    """What to measure, and for how long."""

    parts: frozenset[str] = frozenset(PARTS)
    rounds: int = 3
    seconds: int = 8
    warm_up: int = 4
    applications: int = 10_000
    tenants: int = 1000
    brief: int = 4
    """Seconds of each load over few and many, and of each number of replicas: there are many such loads."""
    tenants_within: float = 400.0
    """Seconds after which the sizes are measured with as many tenants as there are."""
    people: int = people.MANY
    events: int = 100_000
    """How long a log is rebuilt and verified."""


@dataclass
class Measured:
    """What came of it; what was not wanted stays empty."""

    cold: float | None = None
    warm: list[float] = field(default_factory=list)
    idle: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    order: list[Contender] = field(default_factory=list)
    shots: dict[str, list[Shot]] = field(default_factory=dict)
    kept: dict[str, list[Kept]] = field(default_factory=dict)
    timetables: list[Timetable] = field(default_factory=list)
    lagged: list[logs.Lagged] = field(default_factory=list)
    fed: feed.Fed | None = None
    peopled: people.Found | None = None
    done: list[management.Done] = field(default_factory=list)
    spreads: list[spread.Spread] = field(default_factory=list)
    rebuilt: list[logs.Replayed] = field(default_factory=list)
    verified: list[logs.Replayed] = field(default_factory=list)
    replicated: list[replicas.Replicated] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def strangers(self) -> float:
        """The most processors that programs outside the bench used during a load."""
        return max((shot.strangers for shots in self.shots.values() for shot in shots), default=0.0)


def say(line: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"{line}\n")


def measured(wanted: Wanted) -> Measured:
    """Measure what is wanted, side by side on this machine."""
    found = Measured()
    with fresh_stack() as stack:
        found.cold = starts.seconds_to_token(stack)
        say(f"cold start to the first token: {found.cold:.2f} s")
        stack.await_ready()
        if "starts" in wanted.parts:
            found.warm = starts.warm(stack, wanted.rounds)
            say("warm starts: " + "  ".join(f"{each:.2f} s" for each in found.warm))
        if "memory" in wanted.parts:
            found.idle = starts.idle_memory(stack)
            say(f"idle: {sum(found.idle.values()) / 2**20:.0f} MB")
        if "tokens" in wanted.parts:
            with feed.without(stack):
                _tokens(stack, wanted, found)
            found.after = starts.idle_memory(stack) if "memory" in wanted.parts else {}
        _further(stack, wanted, found)
    if "people" in wanted.parts:
        with fresh_stack(people.BELIEVED) as stack:
            starts.seconds_to_token(stack)
            stack.await_ready()
            found.peopled = asyncio.run(people.measured(stack, wanted.rounds, say, wanted.people))
    if "replicas" in wanted.parts:
        found.replicated = [replicas.measured(count, wanted.rounds, wanted.brief) for count in (1, 2)]
        for each in found.replicated:
            say(f"{each.count} token: {each.shots[-1].rate:,.0f}/s, {each.costs[-1]:.0f} µs an answer")
            _judge(f"{each.count} replicas", each.shots, found)
    return found


@contextmanager
def fresh_stack(environ: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """A stack of our own that is not started yet; in the end nothing of it is left."""
    stack = Stack(environ=environ, on_disk=True)
    try:
        yield stack
    finally:
        stack.remove()


def _further(stack: Stack, wanted: Wanted, found: Measured) -> None:
    """What is measured on one stack besides tokens a second; the log grows from part to part."""
    parts = wanted.parts
    if parts & set(PARTS) - {"starts", "memory", "tokens", "people", "replicas"}:
        es256 = next(each for each in limen.contenders(stack) if each.alg == "ES256")
        contenders.ask_once(es256)
        load.fired(es256.target, wanted.warm_up, es256.watched)
        for _ in range(wanted.rounds):
            _timely(stack, es256, wanted, found)
        if "feed" in parts:
            found.fed = feed.measured(stack, es256, wanted.rounds, wanted.seconds, say)
            _judge("with the feed", found.fed.with_feed, found)
    if parts & {"management", "sizes"}:
        _sizes(stack, wanted, found)
    if parts & {"rebuild", "verify"}:
        say(f"a log of {asyncio.run(logs.filled(stack, wanted.events)):,} events")
    if "rebuild" in parts:
        found.rebuilt = asyncio.run(logs.rebuilt(stack, wanted.rounds))
        say("rebuilt: " + "  ".join(f"{each.rate:,.0f}/s" for each in found.rebuilt))
    if "verify" in parts:
        found.verified = logs.verified(stack, wanted.rounds)
        say("verified: " + "  ".join(f"{each.rate:,.0f}/s" for each in found.verified))


def _timely(stack: Stack, es256: Contender, wanted: Wanted, found: Measured) -> None:
    if "open-loop" in wanted.parts:
        with openloop.beside(es256.target, logs.RATE, wanted.seconds) as under_way:
            made = openloop.result(under_way)
        say(f"by a timetable: p50 {made.p50:.1f} ms  p99 {made.p99:.1f} ms, {made.late:.1f} of them the client's own")
        found.timetables.append(made)
        _require_all(made, found)
    if "lag" in wanted.parts:
        lagged = asyncio.run(logs.lag(stack, es256.target, wanted.seconds))
        say(f"lag: p50 {lagged.p50:.0f} ms  p99 {lagged.p99:.0f} ms")
        found.lagged.append(lagged)
        _require_all(lagged.load, found)


def _require_all(made: Timetable, found: Measured) -> None:
    if made.other:
        found.complaints.append(f"by a timetable: {made.other} answers were no 200")


def _sizes(stack: Stack, wanted: Wanted, found: Measured) -> None:
    made, found.done = asyncio.run(management.measured(stack, wanted.applications))
    for done in found.done:
        say(f"{done.what}: {done.rate:,.0f}/s")
        if done.again:
            found.complaints.append(f"{done.what}: {done.again} requests were answered 503 first")
    if "sizes" in wanted.parts:
        rounds, seconds = wanted.rounds, wanted.brief
        found.spreads = [
            spread.applications(stack, made, rounds, seconds),
            spread.tenants(stack, wanted.tenants, rounds, seconds, wanted.tenants_within),
        ]
    for each in found.spreads:
        say(f"{each.name}: {each.over_many[-1].rate:,.0f}/s and {each.over_few[-1].rate:,.0f}/s")
        _judge(each.name, [*each.over_few, *each.over_many], found)


def _judge(name: str, shots: Sequence[Shot], found: Measured) -> None:
    found.complaints += [
        f"{name}: {shot.other} answers were no 200, {shot.broken} broke {shot.first}"
        for shot in shots
        if not shot.is_clean
    ]


def _tokens(stack: Stack, wanted: Wanted, found: Measured) -> None:
    with ExitStack() as running:
        found.order += running.enter_context(contenders.bare())
        try:
            found.order += running.enter_context(contenders.peer())
        except load.Missing as missing:
            found.missing.append(str(missing))
        found.order += limen.contenders(stack)
        for contender in found.order:
            contenders.ask_once(contender)
            load.fired(contender.target, wanted.warm_up, contender.watched)
        for number in range(wanted.rounds):
            say(f"round {number + 1} of {wanted.rounds}")
            for contender in found.order:
                _measure(stack, contender, wanted.seconds, found)


def _measure(stack: Stack, contender: Contender, seconds: int, found: Measured) -> None:
    since = limen.head(stack)
    shot = load.fired(contender.target, seconds, contender.watched)
    found.shots.setdefault(contender.name, []).append(shot)
    say(f"  {contender.name:32} {shot.rate:9,.0f}/s  p50 {shot.p50:6.1f} ms  p99 {shot.p99:7.1f} ms")
    _judge(contender.name, [shot], found)
    if contender.who == limen.WHO:
        kept = limen.kept(stack, since)
        found.kept.setdefault(contender.name, []).append(kept)
        if (complaint := limen.complaint(shot, kept)) is not None:
            found.complaints.append(f"{contender.name}: {complaint}")
