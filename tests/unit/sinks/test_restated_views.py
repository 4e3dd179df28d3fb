"""Which conversions a published model has yet to reach, and what restating leaves: real stages, real tables."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from deploy.attribution_publish import NotPublishedError, publish, published
from deploy.attribution_restate import ask, stale
from deploy.delivery import untold
from schemas.attribution_model import AttributionModel
from schemas.catalogue import load
from sinks.catalogue import load_catalogue
from sinks.client import Store
from tests.integration.sink_rig import count
from tests.unit.sinks.fits import Models, a_fit
from tests.unit.sinks.pipeline import AT, Pipeline, an_event

ONE = a_fit({"web": 1, "search": 1})
OTHER = a_fit({"web": 3, "search": 1})
SHAPLEY = a_fit({"web": 1}, name="shapley")


@pytest.fixture
def pipeline(store: Store) -> Pipeline:
    load_catalogue(store, load())
    return Pipeline(store, partitions=2)


@pytest.fixture
def models(store: Store, pipeline: Pipeline) -> Models:
    return Models(store, pipeline)


def bought(pipeline: Pipeline, *customers: str, minute: float = 0) -> None:
    for name in customers:
        who = f"customer:{name}"
        pipeline.seen(
            an_event(f"{name}-search", who, minute=minute, channel="search"),
            an_event(f"{name}-web", who, minute=minute + 60),
            an_event(f"{name}-order", who, minute=minute + 61, touchpoint="order_completed", order_id=f"o-{name}"),
        )


def listed(store: Store) -> list[tuple[Any, ...]]:
    view = f"{store.database}.attribution_stale"
    return store.rows(f"SELECT model, booked_fit, fit_in_force, count() FROM {view} GROUP BY ALL ORDER BY ALL")


def booked(store: Store, model: str = "markov") -> list[tuple[Any, ...]]:
    """How many conversions the model gives all of, and by which fits."""
    split = f"SELECT conversion_id, sum(credit) AS credit FROM {store.database}.credits WHERE model = '{model}'"
    fits = (
        f"SELECT groupUniqArray(fits['{model}']) FROM {store.database}.conversions WHERE mapContains(fits, '{model}')"
    )
    return store.rows(f"SELECT countIf(credit = 1), ({fits}) FROM ({split} GROUP BY conversion_id)")


def whole(store: Store) -> bool:
    return count(store, "attribution_violations") == 0


def as_of(store: Store, minute: float) -> dict[str, Decimal]:
    """What markov gave to which channel, as it was reported so many minutes after AT."""
    moment = f"{AT + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S}"
    view = f"{store.database}.credits_as_of(as_of = '{moment}')"
    split = f"SELECT channel, sum(credit) AS credit FROM {view} WHERE model = 'markov' GROUP BY channel"
    return dict(store.rows(f"SELECT channel, credit FROM ({split}) WHERE credit != 0"))


def test_a_published_model_is_stale_on_what_is_booked_and_not_on_what_comes(
    store: Store, pipeline: Pipeline, models: Models
) -> None:
    bought(pipeline, "a", "b")
    assert listed(store) == []
    assert models.restate().profiles == 0
    models.publish(ONE, minute=100)
    assert listed(store) == [("markov", None, ONE.fit_id, 2)]
    bought(pipeline, "c", minute=200)
    assert listed(store) == [("markov", None, ONE.fit_id, 2)]
    assert whole(store)
    done = models.restate()
    assert (done.conversions, done.left, done.profiles) == (2, 0, 2)
    assert listed(store) == []
    assert booked(store) == [(3, [ONE.fit_id])]
    assert whole(store)


def test_another_fit_is_stale_until_it_is_restated_and_earlier_ones_can_come_back(
    store: Store, pipeline: Pipeline, models: Models
) -> None:
    models.publish(ONE, minute=-1)
    bought(pipeline, "a", "b")
    assert listed(store) == []
    models.publish(OTHER, minute=100)
    models.publish(SHAPLEY, minute=101)
    assert listed(store) == [("markov", ONE.fit_id, OTHER.fit_id, 2), ("shapley", None, SHAPLEY.fit_id, 2)]
    assert (stale(store).conversions, stale(store).profiles) == (2, 2)
    assert (models.restate().conversions, whole(store)) == (2, True)
    assert booked(store) == [(2, [OTHER.fit_id])]
    models.publish(ONE, minute=200)
    assert models.restate().conversions == 2
    assert booked(store) == [(2, [ONE.fit_id])]
    assert booked(store, "shapley") == [(2, [SHAPLEY.fit_id])]
    assert whole(store)


def test_a_withdrawn_model_is_taken_back_and_may_come_again(store: Store, pipeline: Pipeline, models: Models) -> None:
    bought(pipeline, "a", "b")
    models.publish(ONE, minute=100)
    models.restate()
    models.withdraw("markov", minute=200)
    assert listed(store) == [("markov", ONE.fit_id, None, 2)]
    assert whole(store)
    bought(pipeline, "c", minute=300)
    assert models.restate().conversions == 2
    assert booked(store) == [(0, [])]
    assert (listed(store), whole(store)) == ([], True)
    with pytest.raises(NotPublishedError, match=r"markov was withdrawn on 2026-03-01 15:20; in force: none"):
        models.withdraw("markov", minute=400)
    with pytest.raises(NotPublishedError, match=r"no model 'shapley' was published; in force: none"):
        models.withdraw("shapley", minute=400)
    models.publish(ONE, minute=500)
    # What was reversed and is not restated yet owes nothing; a conversion that comes now is split by it at once.
    bought(pipeline, "d", minute=600)
    assert whole(store)
    assert models.restate().conversions == 3
    assert booked(store) == [(4, [ONE.fit_id])]
    assert whole(store)


def test_who_restates_a_week_later_changes_nothing_of_what_was_reported_in_that_week(
    store: Store, pipeline: Pipeline, models: Models
) -> None:
    half, three, one = Decimal("0.5"), Decimal("0.75"), Decimal("0.25")
    bought(pipeline, "a")
    models.publish(ONE, minute=100)
    assert [as_of(store, minute) for minute in (99, 101, 10_000)] == [{}, {}, {}]
    models.restate(minute=10_000)
    assert [as_of(store, minute) for minute in (101, 9_999, 10_000)] == [{}, {}, {"web": half, "search": half}]
    models.publish(OTHER, minute=11_000)
    models.withdraw("markov", minute=12_000)
    models.publish(OTHER, minute=13_000)
    models.restate(minute=20_000)
    assert as_of(store, 19_999) == {"web": half, "search": half}
    assert as_of(store, 20_000) == {"web": three, "search": one}
    models.withdraw("markov", minute=21_000)
    models.restate(minute=30_000)
    assert [as_of(store, minute) for minute in (29_999, 30_000)] == [{"web": three, "search": one}, {}]
    assert whole(store)


def test_a_clock_that_goes_behind_dates_a_restatement_at_the_publication_and_asking_twice_posts_once(
    store: Store, pipeline: Pipeline, models: Models
) -> None:
    bought(pipeline, "a")
    models.publish(ONE, minute=100)
    asked = partial(ask, store, models.publisher, 1, lambda: AT, untold)
    assert (asked(), asked()) == (1, 1)
    pipeline.run()
    of_markov = f"SELECT recorded_at, cause, count() FROM {store.database}.credits WHERE model = 'markov' GROUP BY ALL"
    assert store.rows(of_markov) == [((AT + timedelta(minutes=100)).replace(tzinfo=None), "model", 2)]


def test_a_fit_is_in_force_from_its_first_publication_until_another_or_a_withdrawal(
    store: Store, pipeline: Pipeline, models: Models
) -> None:
    def in_force() -> list[tuple[Any, ...]]:
        view = f"{store.database}.model_fits"
        return store.rows(f"SELECT fit_id FROM {view} WHERE in_force ORDER BY fit_id")

    models.publish(ONE, minute=100)
    models.publish(ONE, minute=150)  # said again to a broker that has forgotten
    assert published(store)["markov"].since.minute == (AT.minute + 100) % 60
    models.publish(OTHER, minute=200)
    assert in_force() == [(OTHER.fit_id,)]
    models.publish(ONE, minute=300)
    assert in_force() == [(ONE.fit_id,)]
    models.withdraw("markov", minute=400)
    assert in_force() == []
    assert store.rows(f"SELECT count() FROM {store.database}.model_fits WHERE isNotNull(published_at)") == [(2,)]


def test_a_name_that_the_catalogue_has_taken_since_is_passed_over_and_can_be_withdrawn(
    store: Store, pipeline: Pipeline, models: Models
) -> None:
    taken = a_fit({"web": 1}, name="linear")
    bought(pipeline, "a")
    models.publish(taken, minute=100)
    assert published(store)["linear"].is_taken
    assert listed(store) == []
    assert models.restate().profiles == 0
    assert whole(store)
    models.withdraw("linear", minute=200)
    assert whole(store)


def test_what_lies_beyond_the_bound_of_its_profile_stays_and_is_counted(store: Store) -> None:
    catalogue = load()
    few = catalogue.model_copy(update={"journey": catalogue.journey.model_copy(update={"max_touchpoints": 10})})
    load_catalogue(store, few)
    pipeline = Pipeline(store, catalogue=few)
    models = Models(store, pipeline)
    bought(pipeline, "a")
    later: list[AttributionModel] = [ONE, OTHER]
    pipeline.seen(*[an_event(f"more-{n}", "customer:a", minute=100_000 + n * 60) for n in range(12)])
    bought(pipeline, "b")
    for number, fit in enumerate(later):
        models.publish(fit, minute=1000 + number)
        done = models.restate()
        assert (done.conversions, done.left) == (1, 1)
        assert whole(store)
    models.withdraw("markov", minute=2000)
    assert (models.restate().conversions, listed(store), whole(store)) == (1, [], True)


def test_a_model_that_kafka_has_and_clickhouse_was_not_told_of_is_published_again(
    store: Store, pipeline: Pipeline, models: Models
) -> None:
    bought(pipeline, "a")
    models.publish(ONE, minute=100)
    store.command(f"TRUNCATE TABLE {store.database}.model_publications_log")
    pipeline.run()
    publish(models.publisher, store, ONE, lambda: AT)
    assert models.restate().conversions == 1
    assert (booked(store), whole(store)) == ([(1, [ONE.fit_id])], True)


def test_both_views_and_their_columns_are_explained(store: Store) -> None:
    of_both = f"database = '{store.database}' AND table IN ('attribution_stale', 'models_published')"
    assert store.rows(f"SELECT table, name FROM system.columns WHERE {of_both} AND comment = ''") == []
    assert store.rows(f"SELECT count() FROM system.tables WHERE {of_both} AND comment != ''") == [(2,)]
