"""Models in force, told once more to a broker that has lost its memory, before anything is replayed onto it.

When they came into force is known in ClickHouse, and goes with them: a conversion that arrived before that is booked by
them as of then, with the cause `model`, and one that arrived later at once, as without the loss. So nothing has to be
restated behind the replay, and the ledger has no entry of a fit from before there was one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from deploy.attribution_publish import json_of, kept, published, send
from deploy.background import in_background
from deploy.settle import settle_models
from producers.publisher import Publisher, PublishFailed
from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks.client import Store

#: So long a broker that has just come up may take to answer, in seconds.
CONNECT_SECONDS = 10.0


async def models_again(
    kafka: KafkaConnection, clickhouse: ClickHouseConnection, *, worker_groups: Sequence[str], timeout: float = 60.0
) -> list[str]:
    """Publish the models in force, and wait until workers have read them; give their names.

    Raises:
        PublishFailed: no broker answers, or it did not acknowledge.
        SettleTimeout: the workers have not read them after `timeout` seconds.
        StoreError: ClickHouse does not answer, or has no tables.
    """
    names = await in_background(lambda: _told(kafka, clickhouse))
    if names:
        await settle_models(kafka, worker_groups=worker_groups, timeout=timeout)
    return names


def in_force(store: Store) -> list[tuple[str, str]]:
    """Give the models in force: names and records with the moment since which they are, as Kafka gets them.

    Raises:
        StoreError: ClickHouse does not answer, or has no tables.
    """
    models, since = kept(store), published(store)
    return [(model.name, json_of(model, since[model.name].since)) for model in models]


def _told(kafka: KafkaConnection, clickhouse: ClickHouseConnection) -> list[str]:
    store = Store(clickhouse)
    try:
        models = in_force(store)
    finally:
        store.close()
    if not models:
        return []
    with Publisher(kafka, client_id="touchpath-replay") as publisher:
        if not publisher.wait_connected(CONNECT_SECONDS):
            raise PublishFailed(f"no Kafka broker answers at {kafka.bootstrap_servers}")
        send(publisher, models, datetime.now(UTC))
    return [name for name, _ in models]
