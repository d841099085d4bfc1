"""Owns what the page says of the parts beside tokens a second: aims and tables of lag, replay, sizes, management."""

from collections.abc import Iterable, Sequence
from typing import Final

from tests.bench import feed, logs, management, people_table, quota, replicas
from tests.bench.figures import Figure, figure, number, ratios
from tests.bench.logs import Replayed
from tests.bench.parts import Measured
from tests.bench.replicas import Replicated
from tests.bench.spread import Spread
from tests.bench.table import Aim, table

MIB: Final = 2**20
TIMELY: Final = 30.0
"""Milliseconds within which 99 of 100 requests of a timetable are to be answered."""

LAG: Final = 250.0
"""Milliseconds within which 99 of 100 events are to be in a following projection."""

REPLAY: Final = 20_000
WITHIN: Final = 0.10
"""By how much the rate over many may differ from that over few."""

FEED_COST: Final = 0.15
"""Of the tokens a second that the feed may cost."""

TO_ONE: Final = 5_000
"""Events a second through one subscriber."""

STATE: Final = 1.0
"""Seconds to tell what an application was, from a stream of ten thousand facts."""

GROWTH: Final = 1.7
"""What a second replica makes of the rate of one, where each has the same part of a processor or one of its own."""

ASKED: Final = {
    "applications made": 300,
    "pages by number, with totals": 200,
    "pages by cursor": 200,
    management.TOGETHER: 200,
}


def aims(found: Measured) -> Iterable[Aim]:
    """What is asked of these parts, as far as it was measured."""
    if found.timetables:
        worst = figure([each.p99 for each in found.timetables])
        yield Aim(
            f"{logs.RATE:,} requests/s by a timetable, p99", f"{worst.text(1)} ms", "30 ms", worst.median <= TIMELY
        )
    if found.lagged:
        late = figure([each.p99 for each in found.lagged])
        what = f"a following projection at {logs.RATE:,} events/s, p99"
        yield Aim(what, f"{late.text()} ms", "250 ms", late.median <= LAG)
    yield from _of_feed(found.fed)
    if found.peopled is not None:
        yield from people_table.aims(found.peopled)
    for what, replayed in (("rebuild", found.rebuilt), ("`limen verify`", found.verified)):
        if replayed:
            rate = _rate(replayed)
            yield Aim(f"{what}, events/s", rate.text(), f"{REPLAY:,}", rate.median >= REPLAY)
    for spread in found.spreads:
        ratio = _beside(spread)
        yield Aim(spread.name, ratio.text(2), f"{1 - WITHIN:g}", ratio.median >= 1 - WITHIN)
    if len(found.replicated) > 1 and replicas.is_fair():
        one, two = ([shot.rate for shot in each.shots] for each in found.replicated[:2])
        growth = ratios(two, one)
        yield Aim("a second replica of `token`, beside one", growth.text(2), f"{GROWTH:g}", growth.median >= GROWTH)
    for done in found.done:
        if (asked := ASKED.get(done.what)) is not None:
            yield Aim(f"Management API, {done.what}, a second", number(done.rate), f"{asked}", done.rate >= asked)


def _of_feed(fed: feed.Fed | None) -> Iterable[Aim]:
    if fed is None:
        return
    beside = ratios([shot.rate for shot in fed.with_feed], [shot.rate for shot in fed.without])
    yield Aim("tokens a second with the feed beside without", beside.text(2), f"{1 - FEED_COST:g}", _enough(beside))
    heard = figure(fed.heard)
    yield Aim("events a second through one subscriber", heard.text(), f"{TO_ONE:,}", heard.median >= TO_ONE)
    state = figure(fed.states)
    yield Aim(f"`limen state` on {feed.HISTORY:,} facts", f"{state.text(2)} s", f"{STATE:g} s", state.median <= STATE)


def _enough(beside: Figure) -> bool:
    return beside.median >= 1 - FEED_COST


def _rate(replayed: Sequence[Replayed]) -> Figure:
    return figure([each.rate for each in replayed])


def _beside(spread: Spread) -> Figure:
    return ratios([shot.rate for shot in spread.over_many], [shot.rate for shot in spread.over_few])


def sections(found: Measured) -> list[str]:
    """The tables; empty where nothing was measured."""
    early = [_timetables(found), _lags(found), _fed(found), people_table.section(found.peopled), _replays(found)]
    return [*early, _spreads(found), _replicas(found), _management(found)]


def _timetables(found: Measured) -> str:
    if not found.timetables:
        return ""
    rows = [
        (f"{each.rate:,.0f}", number(each.p50, 1), number(each.p99, 1), number(each.longest, 1), number(each.late, 1))
        for each in found.timetables
    ]
    heads = ("answers/s", "p50, ms", "p99, ms", "longest, ms", "the client's own delay at most, ms")
    text = (
        f"{logs.RATE:,} ES256 tokens are asked for each second, whether or not answers come; a latency is counted from "
        "the moment at which its request was due.\n\n"
    )
    return "## By a timetable\n\n" + text + table(heads, rows)


def _lags(found: Measured) -> str:
    if not found.lagged:
        return ""
    rows = [(number(each.events), number(each.p50), number(each.p99), number(each.longest)) for each in found.lagged]
    text = (
        f"A projection that counts tokens per application follows `token`'s activity at {logs.RATE:,} events/s.\n"
        "The lag is from the database's time of the event to the projection's commit.\n\n"
    )
    return "## Lag of a following projection\n\n" + text + table(("events", "p50, ms", "p99, ms", "longest, ms"), rows)


def _fed(found: Measured) -> str:
    if found.fed is None:
        return ""
    text = (
        "`audit` publishes every token as an event; without means that it is paused while the load lasts.\n"
        "One subscriber with plain nats-py pulls and acknowledges each event.\n\n"
    )
    with_feed, without = found.fed.with_feed, found.fed.without
    rows = [
        ("ES256 answers/s without the feed", *_of([shot.rate for shot in without])),
        ("ES256 answers/s with the feed", *_of([shot.rate for shot in with_feed])),
        ("seconds after a load until all of it is in the feed", *_of(found.fed.caught_up, 2)),
        ("events/s through one subscriber", *_of(found.fed.heard)),
        (f"seconds of `limen state` on {feed.HISTORY:,} facts", *_of(found.fed.states, 2)),
    ]
    return "## The public feed\n\n" + text + table(("", "measured", "range"), rows)


def _of(values: Sequence[float], digits: int = 0) -> tuple[str, str]:
    return figure(values).text(digits), figure(values).range(digits)


def _replays(found: Measured) -> str:
    kinds = (("rebuild of that projection", found.rebuilt), ("`limen verify`, start and all", found.verified))
    rows = [(what, number(each[0].events), _rate(each).text(), _rate(each).range()) for what, each in kinds if each]
    return "## Replay\n\n" + table(("", "events", "events/s", "range"), rows) if rows else ""


def _spreads(found: Measured) -> str:
    if not found.spreads:
        return ""
    rates = [
        (
            spread.name,
            figure([shot.rate for shot in spread.over_few]).text(),
            figure([shot.rate for shot in spread.over_many]).text(),
            f"{_beside(spread).text(2)} ({_beside(spread).range(2)})",
        )
        for spread in found.spreads
    ]
    text = (
        "The load is spread over few and over many in turns, on one stack that holds the many; applications ask for "
        "ES256 tokens, tenants for RS256.\n\n"
    )
    heads = ("64 connections", "over few, answers/s", "over many, answers/s", "many beside few")
    memory = [
        (spread.what, name, number(spread.before[name] / MIB), number(spread.after[name] / MIB))
        for spread in found.spreads
        for name in spread.before
    ]
    held = table(("memory, PSS", "program", "after few, MB", "after many, MB"), memory)
    return "## Sizes\n\n" + text + table(heads, rates) + "\n" + held


def _replicas(found: Measured) -> str:
    if not found.replicated:
        return ""
    heads = ("replicas of `token`", "ES256 answers/s", "µs of `token` an answer", "least busy beside busiest")
    return "## Replicas\n\n" + _placement() + "\n\n" + table(heads, [_replica_row(each) for each in found.replicated])


def _placement() -> str:
    if replicas.has_room():
        return "Each replica of `token` has a processor of its own, everything else shares two others."
    if replicas.is_fair():
        return (
            f"There is no processor for a second replica here: the kernel holds each to {quota.SHARE:.0%} of one, so "
            "that they are full and nothing else is.\n64 connections for each replica."
        )
    return (
        "There is no processor for a second replica here: the replicas share one, everything else has the other, "
        "so the rate cannot grow.\nWhat shows is whether two cost more a token than one and share evenly; "
        "that the rate doubles on more processors is not shown."
    )


def _replica_row(each: Replicated) -> tuple[str, ...]:
    rate = figure([shot.rate for shot in each.shots])
    return f"{each.count}", f"{rate.text()} ({rate.range()})", figure(each.costs).text(), number(each.evenness, 2)


def _management(found: Measured) -> str:
    rows = [(done.what, number(done.requests), number(done.rate)) for done in found.done]
    return "## Management API\n\n" + table(("", "requests", "a second"), rows) if rows else ""
