from tests.bench import page
from tests.bench.contenders import Contender
from tests.bench.limen import Kept, complaint
from tests.bench.load import Shot, Target
from tests.bench.parts import Measured, Wanted

NOWHERE = Target("http://localhost/", "")


def shot(rate: int, *, strangers: float = 0.0) -> Shot:
    return Shot(rate, 0, 0, 1.0, 10.0, 40.0, 50.0, "", {"wrk": 0.1}, strangers)


def measured(*, strangers: float = 0.0) -> Measured:
    found = Measured(cold=6.0, warm=[2.0, 3.0, 4.0], idle={"token": 300 * 2**20}, after={"token": 310 * 2**20})
    found.order = [Contender(who, "ES256", NOWHERE, dict) for who in ("oidc-provider 9.13", "Limen")]
    found.shots = {"oidc-provider 9.13 ES256": [shot(1000), shot(2000)]}
    found.shots["Limen ES256"] = [shot(1100), shot(1900, strangers=strangers)]
    found.kept = {"Limen ES256": [Kept(1100, 0.1), Kept(1900, 0.2)]}
    return found


def rendered(found: Measured, old: str = "") -> str:
    return page.rendered(found, Wanted(), day="2026-11-23", facts=[("cores", "2")], old=old)


def test_what_was_written_by_hand_is_kept() -> None:
    first = rendered(measured())
    edited = first.replace(page.SPECIMEN, "Signing takes most of it.\n", 1)
    again = rendered(measured(), old=edited)
    assert again == edited
    assert "Signing takes most of it." in again


def test_ratios_are_taken_round_by_round() -> None:
    assert "| ES256 beside oidc-provider | 1.02 (0.95 to 1.10) | 1 | yes |" in rendered(measured())


def test_an_aim_that_was_missed_is_told_plainly() -> None:
    found = measured()
    found.idle = {"token": 500 * 2**20}
    assert "| the whole stack, idle, PSS | 500 MB | 450 MB | no |" in rendered(found)


def test_a_disturbed_run_calls_itself_provisional() -> None:
    assert "Provisional" not in rendered(measured())
    assert "**Provisional: other programs used up to 0.40 processors" in rendered(measured(strangers=0.4))


def test_a_missing_peer_is_told_and_nothing_is_compared() -> None:
    found = measured()
    del found.order[0], found.shots["oidc-provider 9.13 ES256"]
    found.missing = ["npm is missing: nothing to compare with"]
    text = rendered(found)
    assert "**npm is missing: nothing to compare with.**" in text
    assert "beside oidc-provider |" not in text.partition("## Tokens")[0]


def test_a_part_that_was_not_measured_has_no_section() -> None:
    text = rendered(Measured())
    assert "## Tokens" not in text
    assert "## Memory" not in text


def test_a_token_without_its_event_is_wrong() -> None:
    assert complaint(shot(100), Kept(99, 0.1)) is not None
    assert complaint(shot(100), Kept(100, 0.1)) is None
    assert complaint(shot(100), Kept(130, 0.1)) is None  # under way when the load left
    assert complaint(shot(100), Kept(300, 0.1)) is not None


def test_a_mirror_that_lags_is_wrong() -> None:
    assert complaint(shot(100), Kept(100, float("inf"))) is not None
