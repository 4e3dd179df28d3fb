"""The store says clearly who does not answer, and what ClickHouse said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deploy.local.door_process import ClickHouseDoor
from schemas.connection import ClickHouseConnection
from sinks.client import Store, StoreRefusedError, StoreUnreachableError


def test_a_clickhouse_that_is_not_there_is_named_by_its_address(free_port: Callable[[], int]) -> None:
    port = free_port()
    store = Store(ClickHouseConnection(port=port), retries=(0.01,))
    with pytest.raises(StoreUnreachableError, match=rf"ClickHouse at 127\.0\.0\.1:{port} does not answer") as said:
        store.rows("SELECT 1")
    assert str(said.value).endswith("Connection refused"), "what the libraries around it say is no reason"
    assert not store.ping()


def test_what_clickhouse_refuses_comes_with_its_own_words(clickhouse_door: ClickHouseDoor) -> None:
    store = Store(ClickHouseConnection(port=clickhouse_door.port))
    with pytest.raises(StoreRefusedError, match="UNKNOWN_TABLE"):
        store.rows("SELECT * FROM default.no_such_table")
    assert store.ping()
    store.close()
    assert store.rows("SELECT {n:UInt8} + 1", {"n": 1}) == [(2,)]


def test_a_stream_gives_all_rows_in_order_block_by_block(clickhouse_door: ClickHouseDoor) -> None:
    store = Store(ClickHouseConnection(port=clickhouse_door.port))
    blocks = list(store.stream("SELECT number FROM numbers(300000) SETTINGS max_block_size = 10000, max_threads = 1"))
    assert len(blocks) > 1
    assert [row[0] for block in blocks for row in block] == list(range(300_000))
    store.close()
