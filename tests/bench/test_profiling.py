from tests.bench.load import _read
from tests.bench.profiling import looks

RAW = """\
run (app.py:1);handle (app.py:10);sign (jose/sign.py:40) 30
run (app.py:1);handle (app.py:12) 10
run (app.py:1);handle (app.py:10);handle (app.py:10) 5
""".splitlines()


def test_looks_are_counted_by_function_on_top_and_anywhere() -> None:
    seen = looks(RAW)
    assert seen.total == 45
    assert seen.inner == {"sign (jose/sign.py)": 30, "handle (app.py)": 15}
    assert seen.within == {"run (app.py)": 45, "handle (app.py)": 45, "sign (jose/sign.py)": 30}


def test_the_load_tells_good_and_other_answers_apart() -> None:
    said = "Running 1s test\nbench 100 2 1 1000000 1500.0 9000.0 12000.0\nfirst 503 {}\n  102 requests in 1.00s\n"
    shot = _read(said)
    assert (shot.good, shot.other, shot.broken, shot.rate) == (100, 2, 1, 100.0)
    assert (shot.p50, shot.p99, shot.longest, shot.first) == (1.5, 9.0, 12.0, "503 {}")
    assert not shot.is_clean
