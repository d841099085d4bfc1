import re
from collections import Counter
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


def test_letters_are_drawn_evenly() -> None:
    seen = Counter(ids.text(62_000))
    assert len(seen) == 62
    assert min(seen.values()) > 800
    assert max(seen.values()) < 1200
