from tests.bench.feed import Fed
from tests.bench.load import Shot
from tests.bench.logs import Lagged, Replayed, _heads
from tests.bench.management import Done
from tests.bench.openloop import Timetable
from tests.bench.parts import Measured
from tests.bench.replicas import Replicated
from tests.bench.sections import aims, sections
from tests.bench.spread import Spread

TIMETABLE = Timetable(good=8000, other=0, seconds=8.0, p50=4.0, p99=12.0, longest=40.0, late=1.0)
SAID = """\
ok    token: facts to 17, gapless
ok    token: facts as mirrored
ok    token: activity to 100002, gapless
ok    token: 4 of client, rows as their facts say
all agrees
"""


def shot(rate: int) -> Shot:
    return Shot(rate, 0, 0, 1.0, 10.0, 40.0, 50.0, "")


def measured() -> Measured:
    return Measured(
        timetables=[TIMETABLE],
        lagged=[Lagged(8000, 90.0, 180.0, 300.0, TIMETABLE), Lagged(8000, 90.0, 400.0, 500.0, TIMETABLE)],
        done=[Done("applications made", 1000, 5.0), Done("client grants made", 1000, 4.0)],
        spreads=[Spread("tenants", 1, 200, [shot(1000)], [shot(850)], {"token": 2**20}, {"token": 2**21})],
        fed=Fed([shot(900), shot(800)], [shot(1000), shot(1000)], [0.1], [9000.0], [0.7]),
        rebuilt=[Replayed(100_000, 4.0)],
        verified=[Replayed(100_000, 10.0)],
        replicated=[Replicated(2, [shot(1000)], [[0.2, 0.1]])],
    )


def test_each_part_has_its_aim_and_says_whether_it_is_reached() -> None:
    told = {aim.what: (aim.measured, aim.is_reached) for aim in aims(measured())}
    assert told == {
        "1,000 requests/s by a timetable, p99": ("12.0 ms", True),
        "a following projection at 1,000 events/s, p99": ("290 ms", False),
        "tokens a second with the feed beside without": ("0.85", True),
        "events a second through one subscriber": ("9,000", True),
        "`limen state` on 10,000 facts": ("0.70 s", True),
        "rebuild, events/s": ("25,000", True),
        "`limen verify`, events/s": ("10,000", False),
        "tenants: 200 beside 1": ("0.85", False),
        "Management API, applications made, a second": ("200", False),
    }


def test_each_part_has_its_section_and_what_was_not_measured_has_none() -> None:
    titles = [section.partition("\n")[0] for section in sections(measured()) if section]
    assert titles == [
        "## By a timetable",
        "## Lag of a following projection",
        "## The public feed",
        "## Replay",
        "## Sizes",
        "## Replicas",
        "## Management API",
    ]
    assert not any(sections(Measured()))


def test_what_a_token_costs_its_replicas_and_how_evenly_they_share() -> None:
    two = measured().replicated[0]
    assert [round(cost) for cost in two.costs] == [300]
    assert two.evenness == 0.5


def test_the_events_of_an_audit_are_those_of_every_log() -> None:
    assert _heads(SAID) == [17, 100_002]
