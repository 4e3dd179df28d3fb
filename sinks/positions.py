"""Where the sink stands, and which broker cluster is the how-manyth: both kept in ClickHouse, beside the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sinks.client import Store
from sinks.sql import query
from sinks.versions import MAX_EPOCH

Place = tuple[str, int]
"""A topic and a partition."""


@dataclass(frozen=True, slots=True)
class Position:
    """All records before `next_offset` are written. `version` counts the writes."""

    next_offset: int
    version: int


def load(store: Store, cluster_id: str) -> dict[Place, Position]:
    """Give the positions that are known of a cluster; none of an unknown one, so its topics are read from the start."""
    found = store.rows(query("positions", store.database), {"cluster_id": cluster_id})
    return {(topic, partition): Position(offset, version) for topic, partition, offset, version in found}


def save(store: Store, cluster_id: str, positions: Mapping[Place, Position]) -> None:
    """Write positions down. Call it after the data they speak of is in."""
    store.insert(
        "positions_log",
        ("cluster_id", "topic", "partition", "next_offset", "version"),
        [(cluster_id, topic, partition, p.next_offset, p.version) for (topic, partition), p in positions.items()],
    )


def epoch_of(store: Store, cluster_id: str) -> int:
    """Give the ordinal of a cluster, from 1; a cluster that was never met gets the next one.

    Raises:
        OverflowError: more clusters were met than a version has room for (4,095).
    """
    if known := store.rows(query("epoch", store.database), {"cluster_id": cluster_id}):
        return int(known[0][0])
    epoch = int(store.rows(query("newest_epoch", store.database))[0][0]) + 1
    if epoch > MAX_EPOCH:
        raise OverflowError(f"this would be broker cluster {epoch}, and a row's version has room for {MAX_EPOCH}")
    store.insert("clusters_log", ("cluster_id", "epoch", "version"), [(cluster_id, epoch, MAX_EPOCH - epoch)])
    return int(store.rows(query("epoch", store.database), {"cluster_id": cluster_id})[0][0])
