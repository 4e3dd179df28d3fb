"""Ours and independent implementations give the same credit for the same paths.

ChannelAttribution (C++, simulates Markov chains), marketing-attribution-models (Polars) and mta (Python) are asked
once, in an environment of their own. Where it cannot be made the tests are skipped and say why; with CI=true they fail.
"""

from __future__ import annotations

import os
import random
from fractions import Fraction
from typing import Any

import pytest

from schemas.attributing import ModelSettings, RuleModel
from streams.core.attribution.data_driven.markov import markov
from streams.core.attribution.data_driven.paths import from_sequences
from streams.core.attribution.data_driven.shapley import linear_per_name, shapley
from streams.core.attribution.data_driven.weights import normalised
from streams.core.attribution.models import rule_model
from streams.core.touch import Touch
from tests.contracts.attribution_peers_rig import Missing, Row, ask

#: What a simulation may be off, in parts of all conversions.
SIMULATED = 0.005
SIMULATION = {"nsim_start": 500_000, "conv_par": 0.01, "seed": 1}
RULES: tuple[RuleModel, ...] = ("first", "last", "linear", "position_based")


def some_paths(seed: int, count: int) -> list[Row]:
    """Paths of one to 13 touches of six channels that are not equally frequent, with repeats in a row."""
    luck = random.Random(seed)
    rows: dict[tuple[str, ...], tuple[int, int]] = {}
    for _ in range(count):
        length = 1 + min(int(luck.expovariate(0.35)), 12)
        path = tuple(luck.choices(("display", "email", "print", "search", "social", "web"), range(1, 7), k=length))
        rows[path] = (luck.randrange(5), luck.randrange(40))
    return [(path, converting, others) for path, (converting, others) in rows.items()]


ROWS = some_paths(seed=7, count=300)
PATHS = from_sequences([(*row, 0) for row in ROWS])


@pytest.fixture(scope="module")
def peers() -> dict[str, Any]:
    """The answers of all peers on the same paths."""
    questions: dict[str, Any] = {"channel_attribution_rules": {}, "mam": {}, "mta_shapley": {}}
    questions["channel_attribution_markov"] = {"order": 1, **SIMULATION}
    try:
        return ask(ROWS, questions)
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(f"NOT COMPARED WITH OTHER IMPLEMENTATIONS: {missing}")


def by_rule(rule: RuleModel) -> dict[str, Fraction]:
    """What our rule model gives to each channel, to the last digit."""
    model = rule_model(rule, ModelSettings(kind=rule))
    found: dict[str, Fraction] = {}
    for path, converting, _ in ROWS:
        touches = [Touch(at, at.to_bytes(16, "big"), "page_view", channel, None, 0) for at, channel in enumerate(path)]
        weights = model(touches)
        for channel, weight in zip(path, weights, strict=True):
            found[channel] = found.get(channel, Fraction(0)) + Fraction(converting * weight, sum(weights))
    return found


def close(ours: dict[str, Any], theirs: dict[str, float], tolerance: float) -> bool:
    """Equal within so many conversions; what one of them leaves out got nothing."""
    return all(
        abs(float(ours.get(name, 0)) - theirs.get(name, 0.0)) <= tolerance for name in ours.keys() | theirs.keys()
    )


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_models_give_what_marketing_attribution_models_gives(peers: dict[str, Any], rule: RuleModel) -> None:
    assert close(by_rule(rule), peers["mam"][rule], 1e-6)


@pytest.mark.parametrize("rule", RULES[:3])
def test_the_rule_models_give_what_channel_attribution_gives(peers: dict[str, Any], rule: RuleModel) -> None:
    assert close(by_rule(rule), peers["channel_attribution_rules"][rule], 1e-6)


def test_removal_effects_are_those_that_marketing_attribution_models_solves_for(peers: dict[str, Any]) -> None:
    ours = dict(zip(PATHS.names, markov(PATHS).effects.tolist(), strict=True))
    assert close(ours, peers["mam"]["removal"], 1e-9)


def own_totals(order: int) -> dict[str, float]:
    totals = normalised(markov(PATHS, order).effects) * PATHS.conversions
    return dict(zip(PATHS.names, totals.tolist(), strict=True))


def test_markov_gives_what_channel_attribution_simulates(peers: dict[str, Any]) -> None:
    assert close(own_totals(1), peers["channel_attribution_markov"], SIMULATED * PATHS.conversions)


@pytest.mark.parametrize("order", [2, 3])
def test_markov_of_higher_order_gives_what_channel_attribution_simulates(peers: dict[str, Any], order: int) -> None:
    assert peers  # where there are none, this is skipped too
    theirs = ask(ROWS, {"channel_attribution_markov": {"order": order, **SIMULATION}})["channel_attribution_markov"]
    assert close(own_totals(order), theirs, SIMULATED * PATHS.conversions)
    assert not close(own_totals(1), theirs, 0.0015 * PATHS.conversions), "the orders differ by less than the tolerance"


def test_shapley_of_the_sum_of_conversions_is_what_mta_gives(peers: dict[str, Any]) -> None:
    ours = shapley(PATHS, game="sum").effects
    assert close(dict(zip(PATHS.names, ours.tolist(), strict=True)), peers["mta_shapley"], 1e-6)
    linear = linear_per_name(PATHS)
    assert close(dict(zip(PATHS.names, linear.tolist(), strict=True)), peers["mta_shapley"], 1e-6)
