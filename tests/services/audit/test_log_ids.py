"""Names of entries: sortable, unique, and the same after a restore where the event is."""

from hypothesis import given
from hypothesis import strategies as st

from services.audit.rules.log_ids import DIGITS, LAST_POS, Epochs, Place, log_id_of, place_of

PLACES = st.builds(Place, st.integers(1, 2**31 - 1), st.integers(1, LAST_POS))


@given(PLACES, PLACES)
def test_names_sort_as_places_do_and_lead_back(one: Place, other: Place) -> None:
    assert (log_id_of(one) < log_id_of(other)) == (one < other)
    assert len(log_id_of(one)) == DIGITS
    assert place_of(log_id_of(one)) == one


@given(st.one_of(st.text(), st.text("0123456789", min_size=DIGITS, max_size=DIGITS)))
def test_any_text_names_a_place_or_nothing(text: str) -> None:
    place = place_of(text)
    assert place is None or log_id_of(place) == text


def test_an_event_keeps_its_name_through_a_restore() -> None:
    once, twice = Epochs([Place(2, 10)]), Epochs([Place(2, 10), Place(3, 6)])
    assert [once.at(pos).epoch for pos in (1, 10, 11)] == [1, 1, 2]
    assert [twice.at(pos).epoch for pos in (1, 6, 7, 11)] == [1, 1, 3, 3]
    later = Epochs([Place(2, 10), Place(3, 20)])
    assert [later.at(pos).epoch for pos in (10, 11, 20, 21)] == [1, 2, 2, 3]


def test_who_stands_behind_a_lost_entry_goes_on_where_the_histories_part() -> None:
    epochs = Epochs([Place(2, 10), Place(3, 6)])
    for place, pos in ((Place(1, 15), 6), (Place(2, 12), 6), (Place(1, 8), 6)):
        assert (epochs.is_lost(place), epochs.reached(place)) == (True, pos)
    for place in (Place(1, 6), Place(3, 7)):
        assert (epochs.is_lost(place), epochs.reached(place)) == (False, place.pos)
