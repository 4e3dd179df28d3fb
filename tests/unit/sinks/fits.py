"""Fits made by hand, and their way to stages in memory: as Kafka would have taken them from a publisher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta
from decimal import Decimal

from deploy.attribution_publish import json_of, publish, withdraw
from deploy.attribution_restate import Restated, restate
from producers.publisher import Publisher
from producers.records import Record
from schemas.attribution_model import AttributionModel, ModelWeight
from schemas.base import derived_id
from schemas.topics import RESOLVED
from sinks.client import Store
from streams.core.loopback import Loopback
from streams.core.stage import Output
from tests.unit.sinks.pipeline import AT, Pipeline


def a_fit(weights: Mapping[str, int], name: str = "markov", learned: datetime = AT) -> AttributionModel:
    """A model that gives its names these parts of all."""
    total = sum(weights.values())
    return AttributionModel(
        name=name,
        fit_id=derived_id(name, str(weights), learned.isoformat()),
        fitted_at=learned,
        kind="markov",
        order=1,
        level="channel",
        until=learned,
        paths=9,
        journeys=9,
        converted=1,
        rate=1 / 9,
        weights=tuple(
            ModelWeight(name=channel, weight=10**9 * part // total, effect=0.5) for channel, part in weights.items()
        ),
    )


def keep(store: Store, fit: AttributionModel) -> None:
    """Write a fit down, as `touchpath attribution fit` does, with what the views need."""
    row: dict[str, object] = {
        "fit_id": fit.fit_id,
        "model": fit.name,
        "kind": fit.kind,
        "fitted_at": fit.fitted_at,
        "until": fit.until,
        "weights.name": [one.name for one in fit.weights],
        "weights.weight": [Decimal(one.weight) / 10**9 for one in fit.weights],
        "record": json_of(fit),
    }
    store.insert("model_fits_log", tuple(row), [tuple(row.values())])


class LoopPublisher(Publisher):
    """Gives records to stages in memory instead of Kafka."""

    def __init__(self, loop: Loopback) -> None:
        self._loop = loop

    def partitions(self, topic: str, timeout: float = 10.0) -> int:  # noqa: ARG002 all topics have as many, at once
        """As many as the loop has."""
        return self._loop.partitions

    def publish(self, records: Iterable[Record]) -> Future[None]:
        """Take records; those for every partition come as one for each."""
        for topic, key, value, timestamp, partition in records:
            if partition is None:
                assert topic == RESOLVED.name
                self._loop.put(Output(topic, key, value, timestamp))
            elif partition == 0:
                self._loop.put_everywhere(topic, key, value or None, timestamp)
        done: Future[None] = Future()
        done.set_result(None)
        return done


class Models:
    """What `touchpath attribution` does with models, on a pipeline in memory."""

    def __init__(self, store: Store, pipeline: Pipeline) -> None:
        self.store, self.pipeline = store, pipeline
        self.publisher = LoopPublisher(pipeline.loop)

    def publish(self, fit: AttributionModel, *, minute: float) -> None:
        """Keep it and put it in force, so many minutes after AT; workers have read it then."""
        keep(self.store, fit)
        publish(self.publisher, self.store, fit, lambda: AT + timedelta(minutes=minute))
        self.pipeline.run()

    def withdraw(self, name: str, *, minute: float) -> None:
        """Take it out of force."""
        withdraw(self.publisher, self.store, name, lambda: AT + timedelta(minutes=minute))
        self.pipeline.run()

    def restate(self, *, minute: float = 0) -> Restated:
        """Let what is booked follow, so many minutes after AT by the command's clock."""
        return restate(self.store, self.publisher, self.pipeline.run, lambda: AT + timedelta(minutes=minute))
