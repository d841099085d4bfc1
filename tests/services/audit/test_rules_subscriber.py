"""The rules of a subscriber: it does, it refuses, it stays quiet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.eventstore import Event
from services.audit.commands import AddSubscriber, RemoveSubscriber
from services.audit.events import SubscriberAdded, SubscriberRemoved
from services.audit.rules.subscriber import (
    BadEvents,
    BadName,
    Entry,
    NoSuchSubscriber,
    SubscriberExists,
    add,
    evolve,
    remove,
)
from tests.spec import NOW, Spec

NOBODY = Spec(evolve, Entry(head=41))
ADD = AddSubscriber(name="billing", events="auth.v1.>")
ADDED = SubscriberAdded(name="billing", events="auth.v1.>", start=42)
REMOVE = RemoveSubscriber(name="billing")
REMOVED = SubscriberRemoved(name="billing")


def test_a_subscriber_begins_behind_the_feeds_end() -> None:
    NOBODY.when(add, ADD).then(ADDED)


def test_a_subscriber_may_begin_where_it_is_told() -> None:
    told = AddSubscriber(name="billing", events="auth.v1.>", start=1)
    NOBODY.when(add, told).then(SubscriberAdded(name="billing", events="auth.v1.>", start=1))


def test_adding_the_same_again_is_quiet() -> None:
    NOBODY.given(ADDED).when(add, ADD).then_nothing()


def test_a_name_is_not_given_twice() -> None:
    other = AddSubscriber(name="billing", events="auth.v1.*.client.>")
    NOBODY.given(ADDED).when(add, other).then_refused(SubscriberExists)


def test_one_that_was_removed_may_come_again_with_other_events() -> None:
    other = AddSubscriber(name="billing", events="auth.v1.*.client.>")
    anew = SubscriberAdded(name="billing", events="auth.v1.*.client.>", start=42)
    NOBODY.given(ADDED, REMOVED).when(add, other).then(anew)


def test_one_that_was_removed_stays_so_if_that_is_asked() -> None:
    unless = AddSubscriber(name="billing", events="auth.v1.>", unless_removed=True)
    NOBODY.given(ADDED, REMOVED).when(add, unless).then_nothing()
    NOBODY.when(add, unless).then(ADDED)


def test_a_subscriber_is_removed_once() -> None:
    NOBODY.given(ADDED).when(remove, REMOVE).then(REMOVED)
    NOBODY.given(ADDED, REMOVED).when(remove, REMOVE).then_nothing()
    NOBODY.when(remove, REMOVE).then_refused(NoSuchSubscriber)


@pytest.mark.parametrize("name", ["", "A", "a.b", "a b", "-a", "x" * 33, "ä", "a>", "a*"])
def test_a_name_that_is_no_consumers_is_refused(name: str) -> None:
    NOBODY.when(add, AddSubscriber(name=name, events="auth.v1.>")).then_refused(BadName)


@pytest.mark.parametrize(
    "events",
    [
        "auth.v1.>",
        "auth.v1.acme.>",
        "auth.v1.*.client.>",
        "auth.v1.*.client.*.deleted",
        "auth.v1.acme.token.AbC_9-x.issued",
    ],
)
def test_subjects_that_an_event_can_have_are_taken(events: str) -> None:
    NOBODY.when(add, AddSubscriber(name="billing", events=events)).then(
        SubscriberAdded(name="billing", events=events, start=42)
    )


@given(st.text(alphabet="auth.v1*> evt$_-Z", max_size=40))
def test_whatever_is_taken_is_within_the_feed(events: str) -> None:
    command = AddSubscriber(name="billing", events=events)
    try:
        (added,) = add(command, Entry(), NOW)
    except BadEvents:
        return
    assert isinstance(added, SubscriberAdded)
    tokens = added.events.split(".")
    assert tokens[:2] == ["auth", "v1"]
    assert len(tokens) <= 6
    assert ">" not in "".join(tokens[:-1])


ADDED_OTHERWISE = SubscriberAdded(name="billing", events="auth.v1.x.>", start=7)
FACTS = st.sampled_from([ADDED, REMOVED, ADDED_OTHERWISE])


@given(st.lists(FACTS, max_size=8))
def test_the_past_is_never_refused(facts: list[Event]) -> None:
    state = Entry()
    for fact in facts:
        state = evolve(state, fact)
    assert state.subscriber is None or state.subscriber.is_removed == (facts[-1] is REMOVED)
