"""`touchpath up` with another catalogue than before: what was said follows it, on either broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.catalogue import DEFAULT
from tests.e2e.up_rig import Up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BY_MODEL = "SELECT model, toFloat64(sum(value)) AS value FROM credits GROUP BY model HAVING value != 0 ORDER BY model"
MODELS = 'models = ["first", "last", "last_non_direct", "linear", "position_based", "time_decay"]'


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(DEFAULT.read_text(encoding="utf-8"), encoding="utf-8")
    return path


@pytest.fixture
def make_up(tmp_path: Path, catalogue: Path) -> Iterator[Callable[..., Up]]:
    made: list[Up] = []

    def make(*options: str) -> Up:
        made.append(Up(tmp_path / f"stack-{len(made)}", "--catalogue", str(catalogue), *options))
        return made[-1]

    yield make
    for up in made:
        up.end()


def change(catalogue: Path, old: str, new: str) -> None:
    text = catalogue.read_text(encoding="utf-8")
    assert old in text
    catalogue.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.usefixtures("_kafka_is_possible")
def test_on_apache_kafka_what_was_booked_follows_the_models_of_the_changed_catalogue(
    make_up: Callable[..., Up], catalogue: Path
) -> None:
    up = make_up("--broker", "kafka", "--workers", "2")
    up.start()
    for number in range(8):
        up.track(f"order-{number}", user=f"user-{number}")
    up.settle()
    assert ("linear", 100.0) in up.sql(BY_MODEL)
    assert up.stop() == 0

    change(catalogue, MODELS, 'models = ["first", "linear_channel"]')
    change(catalogue, 'label = "Page seen"', 'label = "Page"')
    up.start()
    assert "the catalogue has changed: profiles that look at themselves again: 8" in up.said()
    assert up.sql(BY_MODEL) == [("first", 100.0), ("linear_channel", 100.0)]
    causes = "SELECT cause, groupUniqArray(model) FROM credits WHERE sign = -1 GROUP BY cause"
    ((cause, models),) = up.sql(causes)
    assert (cause, len(models)) == ("catalogue", 5)
    assert up.sql("SELECT label FROM catalogue_touchpoints WHERE name = 'page_view'") == [("Page",)]
    assert up.sql("SELECT count() FROM attribution_violations") == [(0,)]
    assert up.sql("SELECT count(), countIf(in_force) FROM catalogues") == [(2, 1)]
    assert up.stop() == 0


def test_on_tansu_everything_is_derived_anew_and_the_catalogue_is_in_force(
    make_up: Callable[..., Up], catalogue: Path
) -> None:
    up = make_up()
    up.start()
    up.track("order-1")
    up.settle()
    assert up.stop() == 0

    change(catalogue, MODELS, 'models = ["first"]')
    up.start()
    assert "the catalogue has changed: everything is derived anew" in up.said()
    assert up.sql(BY_MODEL) == [("first", 12.5)]
    assert up.sql("SELECT count(), countIf(in_force) FROM catalogues") == [(2, 1)]
    assert up.stop() == 0
