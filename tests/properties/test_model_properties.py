"""The laws of every rule model behind every transform: exact sums, one answer on every machine, and proportions."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.attributing import RULE_MODELS, AttributionSettings, Transform
from streams.core.attribution.allocation import CREDIT_UNITS, allocate
from streams.core.attribution.book import BookedModel, booked_models
from streams.core.attribution.decay import ONE, decayed
from streams.core.attribution.models import linear_channel
from streams.core.attribution.transforms import TRANSFORMS
from streams.core.clock import DAY
from streams.core.touch import NO_CONSENT, OPENS_VISIT, Touch

CHANNELS = st.sampled_from(["web", "search", "email", "hotline"])
STEPS = st.tuples(st.integers(0, 40 * DAY), CHANNELS, st.sampled_from([None, "spring"]), st.booleans())


def touches(steps: list[tuple[int, str, str | None, bool]]) -> list[Touch]:
    """A path in order of time; channels, campaigns and consent as drawn."""
    return [
        Touch(at, n.to_bytes(16, "big"), "page_view", channel, campaign, 0, OPENS_VISIT | (NO_CONSENT if hidden else 0))
        for n, (at, channel, campaign, hidden) in enumerate(sorted(steps, key=lambda step: step[0]))
    ]


PATHS = st.lists(STEPS, max_size=30).map(touches)
SOME = PATHS.filter(bool)


def booked(kind: str, transforms: list[Transform]) -> BookedModel:
    table = {"models": {"ours": {"kind": kind, "transforms": transforms}}}
    (model,) = booked_models(AttributionSettings.model_validate(table), lambda _: None)
    return model


@pytest.mark.parametrize("kind", RULE_MODELS)
@given(
    path=PATHS, value=st.integers(-(10**9), 10**9), transforms=st.lists(st.sampled_from(sorted(TRANSFORMS)), max_size=3)
)
@settings(max_examples=60, deadline=None)
def test_each_model_gives_away_one_conversion_and_its_whole_value(
    kind: str, path: list[Touch], value: int, transforms: list[Transform]
) -> None:
    shares = allocate(booked(kind, transforms), path, value)
    assert sum(share.credit for share in shares) == CREDIT_UNITS
    assert sum(share.value for share in shares) == value
    assert all(share.credit or share.value for share in shares)
    lines = [share.line for share in shares if share.touch is None]
    assert lines == ["unattributed"] if not path else lines in ([], ["withheld"])
    assert not any(share.touch.flags & NO_CONSENT for share in shares if share.touch is not None)


@pytest.mark.parametrize("kind", RULE_MODELS)
@given(path=SOME, value=st.integers(0, 10**9))
@settings(max_examples=40, deadline=None)
def test_consent_moves_shares_to_one_line_and_changes_no_other(kind: str, path: list[Touch], value: int) -> None:
    """Only whose they are is hidden here: what a model sees of a path is the path's matter."""
    model = booked(kind, [])
    seen = [Touch(t.at, t.id, t.name, t.channel, t.campaign, 0, OPENS_VISIT) for t in path]
    named = {share.touch.id: share[1:3] for share in allocate(model, seen, value) if share.touch}
    hidden = [touch.id for touch in path if touch.flags & NO_CONSENT]
    shares = allocate(model, path, value)
    assert {s.touch.id: s[1:3] for s in shares if s.touch} == {i: s for i, s in named.items() if i not in hidden}
    taken = [named[touch] for touch in hidden if touch in named]
    withheld = [(share.credit, share.value) for share in shares if share.touch is None]
    assert withheld == ([(sum(c for c, _ in taken), sum(v for _, v in taken))] if taken else [])


@given(SOME)
@settings(max_examples=100, deadline=None)
def test_linear_per_channel_gives_each_channel_the_same(path: list[Touch]) -> None:
    weights = linear_channel(path)
    by_channel = {touch.channel: Fraction(0) for touch in path}
    for touch, weight in zip(path, weights, strict=True):
        by_channel[touch.channel] += Fraction(weight, sum(weights))
    assert set(by_channel.values()) == {Fraction(1, len(by_channel))}


@given(st.integers(0, 500 * DAY), st.integers(1, 400 * DAY))
@settings(max_examples=300, deadline=None)
def test_a_power_of_a_half_is_exact_to_its_last_bit(age: int, half_life: int) -> None:
    """By the definition, with decimals of 80 digits: x cut off to 32 binary places, 2^60 · 2^-x to a whole number."""
    x = (age << 32) // half_life
    with localcontext() as context:
        context.prec = 80
        exact = int(Decimal(2) ** (60 - Decimal(x) / 2**32))
    assert decayed(age, half_life) == exact


@given(st.integers(0, 100 * DAY), st.integers(1, 100 * DAY), st.integers(1, 40 * DAY))
@settings(max_examples=100, deadline=None)
def test_what_is_older_never_weighs_more_and_a_half_life_halves(age: int, more: int, half_life: int) -> None:
    assert decayed(age + more, half_life) <= decayed(age, half_life) <= ONE
    assert decayed(age + half_life, half_life) == decayed(age, half_life) >> 1


def test_age_nothing_weighs_one_and_sixty_half_lives_weigh_nothing() -> None:
    assert [decayed(age * DAY, DAY) for age in (0, 1, 59, 60, 10_000)] == [ONE, ONE // 2, 2, 0, 0]


@given(SOME)
@settings(max_examples=100, deadline=None)
def test_transforms_leave_touches_in_order_at_least_one_and_do_nothing_twice(path: list[Touch]) -> None:
    everything = list(range(len(path)))
    for name, transform in TRANSFORMS.items():
        left = transform(path, everything)
        assert left, name
        assert all(before < after for before, after in pairwise(left)), name
        assert transform(path, left) == left, name


@given(SOME)
@settings(max_examples=100, deadline=None)
def test_runs_and_repeats_are_thinned_out_as_they_say(path: list[Touch]) -> None:
    everything = list(range(len(path)))
    channels = [touch.channel for touch in path]
    runs = [channels[place] for place in TRANSFORMS["exposure"](path, everything)]
    assert runs == [channel for n, channel in enumerate(channels) if n == 0 or channels[n - 1] != channel]
    assert [channels[place] for place in TRANSFORMS["first"](path, everything)] == list(dict.fromkeys(channels))
    assert TRANSFORMS["unique"](path, everything) == everything
