"""The laws of consent: what decisions hide follows from their set, and is found again however they come."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.consenting import Veil, between, is_hidden, remembered, veil_of, veil_with
from streams.core.tail import by_key
from streams.core.touch import DECIDES_NO, DECIDES_YES, NO_CONSENT, SAYS_YES, TENANT_SHIFT, Touch

LOOK_BACK = 3


@st.composite
def touches(draw: st.DrawFn, most: int = 12, tenants: int = 1) -> list[Touch]:
    """Touches of few moments and ids, no two with one place, in their order."""
    keys = draw(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=most))
    flags = st.tuples(
        st.sampled_from([0, 0, DECIDES_YES, DECIDES_NO]),
        st.sampled_from([0, SAYS_YES, NO_CONSENT]),
        st.integers(0, tenants - 1).map(lambda tenant: tenant << TENANT_SHIFT),
    )
    return [Touch(at, bytes([n, at]), "page_view", "web", None, 0, sum(draw(flags))) for at, n in sorted(keys)]


def plainly_hidden(touch: Touch, life: list[Touch]) -> bool:
    """The rule, in its own words."""
    if touch.flags & NO_CONSENT:
        return True
    if any(other.flags & DECIDES_NO and touch.key <= other.key for other in life):
        return True
    before = [other for other in life if other.flags & (DECIDES_NO | DECIDES_YES) and other.key <= touch.key]
    refused = bool(before) and bool(before[-1].flags & DECIDES_NO)
    return refused and not touch.flags & SAYS_YES


def hidden(life: list[Touch], veil: Veil | None) -> list[bytes]:
    return [touch.id for touch in life if is_hidden(touch, veil)]


@given(touches())
def test_what_is_hidden_is_what_the_rule_says(life: list[Touch]) -> None:
    veil = veil_of(life)
    assert [is_hidden(touch, veil) for touch in life] == [plainly_hidden(touch, life) for touch in life]


@given(touches(), st.randoms(use_true_random=False))
def test_decisions_one_by_one_in_any_order_hide_what_all_at_once_hide(life: list[Touch], chance: random.Random) -> None:
    arrivals = list(life)
    chance.shuffle(arrivals)
    veil: Veil | None = None
    known: list[Touch] = []
    for touch in arrivals:
        if touch.flags & (DECIDES_NO | DECIDES_YES):
            later = [other for other in sorted(known, key=by_key) if other.key > touch.key]
            veil = veil_with(veil, touch, later)
        known.append(touch)
        assert veil == veil_of(known)


@given(touches(), touches())
def test_only_conversions_with_a_touch_in_that_stretch_can_change(one: list[Touch], other: list[Touch]) -> None:
    old, new = veil_of(one), veil_of(other)
    stretch = between(old, new)
    assert (stretch is None) == (old == new)
    for touch in [*one, *other]:
        if is_hidden(touch, old) != is_hidden(touch, new):
            assert stretch is not None
            for later in range(LOOK_BACK + 1):
                assert stretch.concerns(Touch(touch.at + later, b"", "order_completed", "web", None, 0), LOOK_BACK)


@given(touches(tenants=3), st.integers(0, 12), st.integers(0, 3))
@settings(max_examples=300)
def test_what_is_remembered_of_dropped_decisions_hides_as_all_of_them_do_whoever_leaves(
    life: list[Touch], count: int, leaving: int
) -> None:
    dropped: tuple[Touch, ...] = ()
    for touch in life[:count]:
        if touch.flags & (DECIDES_NO | DECIDES_YES):
            dropped = remembered(dropped, touch)
    kept = [touch for touch in life[count:] if touch.tenant != leaving]
    there = [touch for touch in life if touch.tenant != leaving]
    by_few = veil_of([*(touch for touch in dropped if touch.tenant != leaving), *kept])
    assert hidden(kept, by_few) == hidden(kept, veil_of(there))
    assert len(dropped) <= 6


@given(touches(), st.randoms(use_true_random=False))
def test_what_is_remembered_does_not_depend_on_who_came_first(life: list[Touch], chance: random.Random) -> None:
    def remember(touches: list[Touch]) -> list[Touch]:
        found: tuple[Touch, ...] = ()
        for touch in touches:
            if touch.flags & (DECIDES_NO | DECIDES_YES):
                found = remembered(found, touch)
        return sorted(found, key=by_key)

    shuffled = [*life, *life]
    chance.shuffle(shuffled)
    assert remember(shuffled) == remember(life)
