"""What a sink and its ClickHouse database must be told. Frozen; built from a mapping, so a test passes a dict."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SinkSettings(BaseModel):
    """Settings of one sink process. Times are in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str | None = Field(default=None, min_length=1)
    """None: this sink reads every partition. A name: several sinks of that name share the partitions between them."""

    flush_interval: float = Field(default=0.2, gt=0)
    """So long a record waits for others before it is written."""
    flush_rows: int = Field(default=50_000, ge=1)
    flush_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
    """A batch is written at so many records or bytes of them. Two are held at most: one filling, one on its way."""
    insert_connections: int = Field(default=3, ge=1)
    """So many tables of a batch are written at once."""
    fetch_records: int = Field(default=5_000, ge=1)
    """So many are taken from the consumer at once; what it has fetched ahead comes on top of the two batches."""
    fetch_bytes: int = Field(default=1024 * 1024, ge=1024, description="Per partition and fetch.")
    discovery_interval: float = Field(default=5.0, gt=0)
    """So often new partitions are looked for, where no group does it."""

    retry_first: float = Field(default=0.2, gt=0)
    retry_longest: float = Field(default=10.0, gt=0)
    """Pauses after an insert that failed, from the first to the longest, doubling. It never gives up nor skips."""

    http_host: str = "127.0.0.1"
    http_port: int | None = Field(default=None, ge=0, le=65_535)
    """Of /metrics, /health and /ready. None: no HTTP; 0: any free port."""
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")


class DatabaseSettings(BaseModel):
    """How the tables are made. The default is one server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_\-.]*$")
    """Name of the ClickHouse cluster: every statement gets `ON CLUSTER`. One shard, any number of replicas."""
    replicated: bool = False
    """True: `ReplicatedReplacingMergeTree`, with the server's own `default_replica_path` and macros."""
