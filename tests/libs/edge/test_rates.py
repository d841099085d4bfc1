import pytest

from libs.edge.management_errors import LimitReached
from libs.edge.rates import MOST_BUCKETS, Rates

NOW = 1_800_000_000.0


def told(headers: list[tuple[str, str]]) -> tuple[int, int, int]:
    values = dict(headers)
    return tuple(int(values[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))  # type: ignore[return-value]


def test_every_request_tells_the_limit_what_remains_and_when_all_is_there_again() -> None:
    rates = Rates(3)
    assert [told(rates.taken("t", "a", NOW))[1] for _ in range(3)] == [2, 1, 0]
    assert told(rates.taken("t", "b", NOW)) == (3, 2, int(NOW) + 1)


def test_one_too_many_is_refused_with_when_to_come_back() -> None:
    rates = Rates(2)
    for _ in range(2):
        rates.taken("t", "a", NOW)
    with pytest.raises(LimitReached) as refused:
        rates.taken("t", "a", NOW)
    assert refused.value.status == 429
    assert dict(refused.value.headers)["retry-after"] == "1"
    assert told(refused.value.headers) == (2, 0, int(NOW) + 1)


def test_refused_requests_do_not_prolong_the_wait() -> None:
    rates = Rates(2)
    for _ in range(2):
        rates.taken("t", "a", NOW)
    for _ in range(50):
        with pytest.raises(LimitReached):
            rates.taken("t", "a", NOW)
    assert told(rates.taken("t", "a", NOW + 0.5))[1] == 0
    assert told(rates.taken("t", "a", NOW + 5))[1] == 1


def test_applications_and_tenants_do_not_share_a_bucket() -> None:
    rates = Rates(1)
    rates.taken("t", "a", NOW)
    rates.taken("t", "b", NOW)
    rates.taken("u", "a", NOW)
    with pytest.raises(LimitReached):
        rates.taken("t", "a", NOW)


def test_what_a_process_remembers_is_bounded() -> None:
    rates = Rates(1)
    for number in range(MOST_BUCKETS + 10):
        rates.taken("t", str(number), NOW)
    assert len(rates._full_at) == MOST_BUCKETS
