"""Kept fits on their way to the workers, and out of force again. No numpy is needed: all has been learned already.

A model is written to every partition of `touchpath.models`: lane n of the workers reads partition n, and books with
what is in force there. ClickHouse keeps what was published or withdrawn when; Kafka is told first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from deploy.delivery import deliver
from deploy.topics import MADE_ANEW
from producers.publisher import Publisher, PublishFailed
from producers.records import Record, milliseconds
from schemas.attribution_model import AttributionModel
from schemas.topics import MODELS, RESOLVED
from sinks.client import Store
from sinks.sql import query

_COLUMNS = ("model", "fit_id", "published_at", "withdrawn")


class NameTakenError(ValueError):
    """The catalogue has a model of that name. The message says what to do."""


class NotPublishedError(LookupError):
    """No such model is in force. The message says which are."""


class Published(NamedTuple):
    """What was done last with a model's name: a fit of it was published or withdrawn, at `since` (UTC).

    `is_taken`: the catalogue has a model of that name by now, so that workers pass the published one over.
    """

    model: str
    fit_id: UUID
    since: datetime
    is_withdrawn: bool
    is_taken: bool
    in_force: bool


def kept(store: Store, fit: str = "") -> list[AttributionModel]:
    """Give the kept fits whose id begins so; without any, those in force: of each model the last published.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    rows = store.rows(query("attribution_records", store.database), {"fit": fit})
    return [AttributionModel.model_validate_json(record) for (record,) in rows]


def published(store: Store) -> dict[str, Published]:
    """Give, by name, the models that were ever published.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    rows = store.rows(query("attribution_published", store.database))
    return {
        model: Published(model, fit, since.replace(tzinfo=UTC), bool(gone), bool(taken), bool(counts))
        for model, fit, since, gone, taken, counts in rows
    }


def refuse_taken(name: str, taken: Iterable[str]) -> None:
    """See that the catalogue has no model of that name: of two with one name nobody could say whose a credit is.

    Raises:
        NameTakenError: it has one.
    """
    if name in taken:
        raise NameTakenError(
            f"the catalogue has a model {name!r} already, and workers apply that one: give the fit another name, for"
            f" example `touchpath attribution fit --name fitted_{name}`"
        )


def last_published(store: Store, name: str) -> Published:
    """Give which fit of a model was published last.

    Raises:
        NotPublishedError: no model of that name was published, or it is withdrawn already.
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    every = published(store)
    known = every.get(name)
    if known is None or known.is_withdrawn:
        said = f"{name} was withdrawn on {known.since:%Y-%m-%d %H:%M}" if known else f"no model {name!r} was published"
        there = ", ".join(one.model for one in every.values() if not one.is_withdrawn)
        raise NotPublishedError(f"{said}; in force: {there or 'none'}")
    return known


def publish(publisher: Publisher, store: Store, model: AttributionModel, clock: Callable[[], datetime]) -> None:
    """Send a kept model to the workers, wait until Kafka has it, and write down that it is in force from now on.

    What is in force already is sent again, and stays in force since when it was.

    Raises:
        PublishFailed: Kafka did not acknowledge it in every partition, or in none: publish it again.
        StoreError: ClickHouse could not be asked, or not be told of what Kafka has: publish it again.
    """
    known = published(store).get(model.name)
    stays = known is not None and not known.is_withdrawn and known.fit_id == model.fit_id
    since = known.since if known is not None and stays else clock()
    send(publisher, [(model.name, json_of(model, since))], clock())
    if not stays:
        store.insert("model_publications_log", _COLUMNS, [(model.name, model.fit_id, since, False)])


def withdraw(publisher: Publisher, store: Store, name: str, clock: Callable[[], datetime]) -> Published:
    """Tell the workers to forget a model, and write that down; give what was in force.

    Raises:
        NotPublishedError: no model of that name was published, or it is withdrawn already.
        PublishFailed: Kafka did not acknowledge it in every partition: withdraw it again.
        StoreError: Kafka knows of it, and ClickHouse could not be told: withdraw it again.
    """
    known = last_published(store, name)
    send(publisher, [(name, "")], clock())
    store.insert("model_publications_log", _COLUMNS, [(name, known.fit_id, clock(), True)])
    return known


def send(publisher: Publisher, models: Iterable[tuple[str, str]], now: datetime) -> None:
    """Write models to every partition: names and records as JSON; without a record a model is withdrawn.

    Raises:
        PublishFailed: Kafka did not acknowledge them, has no such topic, or one with too few or too many partitions.
    """
    lanes = range(partitions(publisher))
    records = [
        Record(MODELS.name, name.encode(), value.encode(), milliseconds(now), partition)
        for name, value in models
        for partition in lanes
    ]
    deliver(publisher, records)


def partitions(publisher: Publisher) -> int:
    """Give how many partitions the topic of models has: as many as workers have lanes.

    Raises:
        PublishFailed: nobody answers, a topic is missing, or workers cannot use it as it is.
    """
    models, resolved = publisher.partitions(MODELS.name), publisher.partitions(RESOLVED.name)
    if models != resolved:
        raise PublishFailed(
            f"{MODELS.name} has {models} partitions, {RESOLVED.name} {resolved}; {MADE_ANEW[MODELS.name]}"
        )
    return models


def json_of(model: AttributionModel, since: datetime | None = None) -> str:
    """Write a model as it is kept, or as Kafka gets it: with the moment `since` which it is in force."""
    return model.model_copy(update={"published_at": since}).model_dump_json(exclude_none=True)
