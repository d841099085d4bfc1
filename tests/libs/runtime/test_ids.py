import os
import re
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from libs.runtime import ids


def test_uuids_are_of_version_7_and_in_order() -> None:
    made = [ids.uuid7() for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == 5000
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}


def test_the_text_of_a_uuid_is_that_of_the_object_and_in_the_same_order() -> None:
    made = [ids.uuid7_text(), str(ids.uuid7()), ids.uuid7_text()]
    assert made == sorted(made)
    assert [str(UUID(each)) for each in made] == made
    assert {UUID(each).version for each in made} == {7}


def test_ids_have_auth0s_formats() -> None:
    assert re.fullmatch(r"[A-Za-z0-9]{32}", ids.client_id())
    assert re.fullmatch(r"[A-Za-z0-9]{64}", ids.client_secret())
    assert re.fullmatch(r"cgr_[A-Za-z0-9]{16}", ids.prefixed("cgr", 16))
    assert re.fullmatch(r"[0-9a-f]{24}", ids.hex24())


def test_no_two_threads_draw_the_same() -> None:
    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            drawing = [threads.submit(lambda: [ids.text(16) for _ in range(2000)]) for _ in range(8)]
            drawn = [each for done in drawing for each in done.result()]
    finally:
        sys.setswitchinterval(was)
    assert len(set(drawn)) == len(drawn)


def test_a_child_draws_what_its_parent_does_not() -> None:
    ids.text(16)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, ids.text(16).encode())
        os._exit(0)
    assert ids.text(16) != os.read(reading, 16).decode()
    assert os.waitpid(child, 0)[1] == 0


def test_letters_are_drawn_evenly() -> None:
    seen = Counter(ids.text(62_000))
    assert len(seen) == 62
    assert min(seen.values()) > 800
    assert max(seen.values()) < 1200
