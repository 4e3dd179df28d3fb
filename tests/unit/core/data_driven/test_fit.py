"""A fit tells what to know before believing it; published weights need no numpy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streams.core.attribution.data_driven.bootstrap import draws
from streams.core.attribution.data_driven.fit import FitError, Request, fit
from streams.core.attribution.data_driven.paths import from_sequences
from streams.core.attribution.data_driven.published import PublishedWeights, name_at, weights_on
from streams.core.attribution.data_driven.weights import UNITS
from tests.unit.core.data_driven.few_paths import PATHS, touch


def test_the_diagnosis_counts_what_was_learned_from() -> None:
    found = fit(PATHS, Request()).diagnosis
    assert (found.paths, found.journeys, found.conversions, found.pathless) == (4, 500, 101, 5)
    assert found.coverage == 101 / 106
    assert found.one_touch == 200 / 500
    assert (found.smallest_name, found.smallest_conversions, found.smallest_journeys) == ("print", 1, 200)
    assert (found.states, found.exact, found.draws) == (3, True, 0)
    assert found.condition > 1
    assert found.bound < 1e-13


def test_a_negative_shapley_value_becomes_no_weight_and_is_told() -> None:
    found = fit(PATHS, Request("shapley"))
    lines = {line.name: line for line in found.lines}
    assert lines["print"].effect < 0
    assert lines["print"].weight == 0
    assert sum(line.weight for line in found.lines) == UNITS
    assert sum(line.effect for line in found.lines) == pytest.approx(found.rate)
    positive = sum(line.effect for line in found.lines if line.effect > 0)
    assert found.diagnosis.below_zero == pytest.approx(-lines["print"].effect / positive)


def test_a_conversion_none_of_whose_names_has_a_weight_is_shared_equally_and_told() -> None:
    # z and y stand on many journeys that fail, and once together on one that does not.
    rows = [(("a",), 90, 10, 900), (("a", "z"), 0, 200, 0), (("a", "y"), 0, 200, 0), (("z", "y", "z"), 1, 500, 7)]
    found = fit(from_sequences(rows), Request("shapley"))
    lines = {line.name: line for line in found.lines}
    assert (lines["y"].weight, lines["z"].weight) == (0, 0)
    assert (lines["y"].conversions, lines["z"].conversions) == (0.5, 0.5)
    assert (lines["y"].value, lines["z"].value) == (3.5, 3.5)
    assert found.diagnosis.equally == 1


def test_intervals_hold_the_weight_and_more_journeys_make_them_narrow() -> None:
    many = PATHS.counted(PATHS.converting * 400, PATHS.others * 400)
    for kind in ("markov", "shapley"):
        few_lines, many_lines = (fit(each, Request(kind, bootstrap=200, seed=3)).lines for each in (PATHS, many))
        for few, line in zip(few_lines, many_lines, strict=True):
            assert few.low is not None
            assert few.high is not None
            assert line.low is not None
            assert line.high is not None
            assert line.low <= line.weight / UNITS <= line.high
            if line.weight:
                # 400 times as many: a twentieth of the width, give or take what 200 draws leave to chance.
                assert line.high - line.low < (few.high - few.low) / 10


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = {line.name: line.weight / UNITS for line in fit(PATHS, Request()).lines}
    covered = []
    for number, (converting, others) in enumerate(draws(PATHS.converting, PATHS.others, 40, seed=11)):
        seen = PATHS.counted(converting, others)
        found = fit(seen, Request(bootstrap=60, seed=number)).lines
        email = next(line for line in found if line.name == "email")
        assert email.low is not None
        assert email.high is not None
        covered.append(email.low <= truth["email"] <= email.high)
    assert np.mean(covered) >= 0.85


def test_without_conversions_there_is_nothing_to_learn() -> None:
    for rows in ([], [((), 5, 0, 0)], [(("a",), 0, 9, 0)]):
        with pytest.raises(FitError, match="no conversion has a path"):
            fit(from_sequences(rows), Request())


def test_names_nobody_knows_share_equally() -> None:
    known = PublishedWeights("channel", {"email": 0})
    assert weights_on([touch("email"), touch("web"), touch("web")], known) == [2, 1, 1]


def test_a_touch_has_the_name_of_its_level() -> None:
    assert name_at("channel", "email", "spring", "email_clicked") == "email"
    assert name_at("campaign", "email", "spring", "email_clicked") == "email/spring"
    assert name_at("campaign", "email", None, "email_clicked") == "email"
    assert name_at("touchpoint", "email", "spring", "email_clicked") == "email_clicked"
    by_campaign = PublishedWeights("campaign", {"email/spring": 3, "email": 1})
    assert weights_on([touch("email", "spring"), touch("email")], by_campaign) == [3, 1]


def test_a_worker_that_applies_weights_loads_no_numpy() -> None:
    code = "import sys; import streams.core.attribution.data_driven.published; print('numpy' in sys.modules)"
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
