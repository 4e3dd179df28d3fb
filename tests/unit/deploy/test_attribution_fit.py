"""What is published of a fit, what it is called, and what people are told of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.attribution_fit import Fitted, fitted, model_name
from deploy.attribution_paths import Window, WindowPaths
from deploy.attribution_publish import json_of
from deploy.cli.app import run
from deploy.cli.attribution import RETRY, again_and_again
from deploy.cli.attribution_text import BAR, bar, tell, warnings
from deploy.cli.exits import CommandError, Exit
from schemas.attribution_model import AttributionModel
from streams.core.attribution.data_driven.fit import Request, fit
from streams.core.attribution.data_driven.paths import Paths, from_sequences
from streams.core.attribution.data_driven.published import weights_of, weights_on
from tests.unit.core.data_driven.few_paths import PATHS, touch

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_name_that_lowers_the_rate_is_told() -> None:
    assert any("fewer journeys convert with print" in said for said in warnings(published(PATHS, Request("shapley"))))


def published(paths: Paths, request: Request) -> Fitted:
    return fitted(WindowPaths(paths, "EUR", 2, 3), Window(NOW), "channel", request, "m", NOW)


def test_what_is_published_reads_back_and_gives_the_weights_to_a_path() -> None:
    found = published(PATHS, Request(bootstrap=20))
    model = AttributionModel.model_validate_json(json_of(found.model))
    assert model == found.model
    weights = {line.name: line.weight for line in found.fit.lines}
    path = [touch("email"), touch("web"), touch("email"), touch("unheard_of")]
    assert weights_on(path, weights_of(model)) == [weights["email"], 2 * weights["web"], weights["email"], 0]


def test_a_fit_has_the_same_id_again_and_another_time_another() -> None:
    ids = [published(PATHS, Request()).model.fit_id for _ in range(2)]
    assert ids[0] == ids[1]
    later = fitted(WindowPaths(PATHS, None, 0, 0), Window(NOW), "channel", Request(), "m", NOW.replace(hour=1))
    assert later.model.fit_id != ids[0]


@pytest.mark.parametrize(
    ("kind", "order", "level", "name"),
    [
        ("markov", 1, "channel", "markov"),
        ("markov", 2, "channel", "markov_2"),
        ("shapley", 1, "channel", "shapley"),
        ("markov", 3, "campaign", "markov_3_campaign"),
        ("shapley", 1, "touchpoint", "shapley_touchpoint"),
    ],
)
def test_a_model_is_called_after_what_it_is(kind, order, level, name) -> None:  # type: ignore[no-untyped-def] # a table
    assert model_name(kind, order, level) == name


def test_programs_get_texts_of_what_is_split_and_numbers_without_artefacts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = published(PATHS, Request("shapley", bootstrap=20))
    tell(found, published=False, as_json=True)
    lines = json.loads(capsys.readouterr().out)["lines"]
    values = sum(line.value for line in found.fit.lines)
    assert abs(sum(Decimal(line["value"]) for line in lines) * 100 - Decimal(values)) < len(lines)
    for line in lines:
        assert re.fullmatch(r"\d+\.\d{2}", line["value"])
        assert all(re.fullmatch(r"\d+\.\d{6}", line[name]) for name in ("own", "conversions"))
        assert all(line[name] == round(line[name], 9) for name in ("weight", "low", "high", "effect"))
    assert sum(round(line["weight"] * 10**9) for line in lines) == 10**9

    tell(found, published=False, as_json=False)
    head, *rows = [row.split("\t") for row in capsys.readouterr().out.splitlines()]
    assert head == list(lines[0])
    assert [row[head.index("value")] for row in rows] == [line["value"] for line in lines]
    assert [cell for row in rows for cell in row[1:] if not re.fullmatch(r"(-?\d+(\.\d+)?)?", cell)] == []


def test_warnings_say_what_makes_a_fit_weak() -> None:
    said = " ".join(warnings(published(PATHS, Request(bootstrap=5))))
    assert "fewer than 30 conversions on the paths of print" in said
    assert "5 conversions have no path" in said
    assert "3 conversions in other currencies" in said
    only = published(from_sequences([(("a",), 50, 0, 0)]), Request())
    assert any("no journey without a conversion" in line for line in warnings(only))
    assert "open still are left out without --with-open" in " ".join(warnings(only))
    with_open = replace(only, window=replace(only.window, with_open=True))
    assert "--with-open" not in " ".join(warnings(with_open))


def test_without_numpy_a_fit_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setattr(sys, "argv", ["touchpath", "attribution", "fit"])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == Exit.FAILED
    assert "pip install 'touchpath[fit]'" in capsys.readouterr().err


def test_publishing_what_was_kept_needs_no_numpy() -> None:
    modules = "attribution_publish, deploy.attribution_restate, deploy.cli.attribution, deploy.cli.attribution_models"
    code = f"import sys; import deploy.{modules}; print('numpy' in sys.modules)"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_fits_on_a_schedule_go_on_after_what_passes_and_end_at_what_does_not() -> None:
    outcomes = [None, CommandError("nobody", Exit.NOT_READY), CommandError("no conversions"), None]
    slept: list[float] = []

    def once() -> None:
        if not outcomes:
            raise CommandError("wrong", Exit.USAGE)
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    with pytest.raises(CommandError, match="wrong"):
        again_and_again(once, 3600.0, slept.append)
    assert slept == [3600.0, RETRY, 3600.0, 3600.0]


def test_a_bar_is_full_as_far_as_the_weight_is_sure() -> None:
    found = fit(PATHS, Request(bootstrap=50))
    for line in found.lines:
        drawn = bar(line, 1.0)
        assert len(drawn) <= BAR
        assert drawn == drawn.rstrip("▒") + "▒" * drawn.count("▒")
    assert "▒" not in bar(fit(PATHS, Request()).lines[0], 1.0)
