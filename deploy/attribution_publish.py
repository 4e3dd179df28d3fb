"""Kept fits on their way to the workers. No numpy is needed: what is published has been learned already."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from producers.publisher import Publisher
from producers.records import Record, milliseconds
from schemas.attribution_model import AttributionModel
from schemas.topics import MODELS
from sinks.client import Store
from sinks.sql import query

#: So long Kafka may take to acknowledge a model, in seconds.
PATIENCE = 30.0


def kept(store: Store, fit: str = "") -> list[AttributionModel]:
    """Give the kept fits whose id begins so; without any, those in force: of each model the last published.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    rows = store.rows(query("attribution_records", store.database), {"fit": fit})
    return [AttributionModel.model_validate_json(record) for (record,) in rows]


def publish(publisher: Publisher, store: Store, model: AttributionModel, clock: Callable[[], datetime]) -> None:
    """Send a kept model to the workers, wait until Kafka has it, and write down that it is in force from now on.

    Raises:
        PublishFailed: Kafka did not acknowledge it.
        TimeoutError: it did not answer in time.
        StoreError: Kafka has the model, and ClickHouse could not be told: publish it again.
    """
    publisher.publish([record_of(model, clock())]).result(PATIENCE)
    store.insert("model_publications_log", ("model", "fit_id", "published_at"), [(model.name, model.fit_id, clock())])


def record_of(model: AttributionModel, now: datetime) -> Record:
    """Give the model's record: of one key the topic keeps the last."""
    return Record(MODELS.name, model.name.encode(), json_of(model).encode(), milliseconds(now))


def json_of(model: AttributionModel) -> str:
    """Write a model as Kafka gets it."""
    return model.model_dump_json(exclude_none=True)
