"""Fixtures for commands that read ClickHouse."""

from pathlib import Path

import pytest

from sinks.client import Store


@pytest.fixture
def store_of_the_cli(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """All our tables, empty, where a command finds them; it runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__PORT", str(store.connection.port))
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__DATABASE", store.database)
    return store
