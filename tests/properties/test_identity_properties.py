"""The laws of identity, on drawn histories: first of the plain reference itself, then of the stages held to it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.identifier import strongest
from tests.properties.identity_histories import History, histories
from tests.properties.identity_reference import kind_of, resolve_all

# --- the reference (that its two ways of finding labels agree is asserted in it)


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_by_the_reference_neither_order_nor_repetition_matters(history: History, random) -> None:
    shuffled = list(history.arrivals)
    random.shuffle(shuffled)
    other = History(history.settings, tuple(shuffled))
    assert resolve_all(history.events, history.commands, history.settings) == resolve_all(
        other.events, other.commands, other.settings
    )


@given(histories(max_commands=0))
@settings(max_examples=60, deadline=None)
def test_by_the_reference_two_customers_never_end_in_one_profile_unless_a_person_says_so(history: History) -> None:
    result = resolve_all(history.events, history.commands, history.settings)
    for identifier, label in result.labels.items():
        if kind_of(identifier) in history.settings.unique:
            assert label.named == identifier


@given(histories())
@settings(max_examples=60, deadline=None)
def test_by_the_reference_every_event_with_an_identifier_has_one_profile(history: History) -> None:
    result = resolve_all(history.events, history.commands, history.settings)
    for event in history.events:
        assert (result.profiles[event.event_id] is None) == (strongest(event.identifiers) is None)
