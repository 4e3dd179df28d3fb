"""What a stream worker must be told. Frozen; built from a mapping, so a test passes a dict."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.connection import KafkaConnection


class WorkerSettings(BaseModel):
    """Settings of one worker process. Times are in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app_id: str = Field(pattern=r"^[A-Za-z0-9._-]+$", description="Consumer group; prefix of changelogs.")
    kafka: KafkaConnection = KafkaConnection()

    guarantee: Literal["exactly_once", "unfenced"] = "exactly_once"
    """`unfenced`: plain producer, offsets after the flush. For a broker without transactions, one worker only."""

    store: Literal["memory", "disk"] = "memory"
    data_dir: Path | None = Field(default=None, description="Of this worker alone; the disk store needs it.")

    disk_cache_bytes: int = Field(default=64 * 1024 * 1024, ge=1024, description="Of all partitions together.")

    session_timeout: float = Field(default=10.0, gt=0)
    rebalance_timeout: float = Field(default=30.0, gt=0)
    transaction_timeout: float = Field(default=20.0, gt=0)
    hand_over_timeout: float = Field(default=8.0, gt=0)
    """How long a revocation waits for the batches in hand; what takes longer is fenced by the next owner."""
    request_timeout: float = Field(default=40.0, gt=0)

    max_batch_records: int = Field(default=16_000, ge=1)
    max_bytes_in_flight: int = Field(default=64 * 1024 * 1024, ge=1)
    max_fetch_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, description="Per partition and fetch.")
    producer_batch_bytes: int = Field(default=768 * 1024, ge=1024)
    max_request_bytes: int = Field(default=1024 * 1024, ge=1024)
    """The largest record that may be written; not more than the broker's `message.max.bytes`."""

    replication_factor: int = Field(default=1, ge=1, description="Of the changelog topics.")
    tombstone_retention: float = Field(default=7 * 86_400.0, gt=0)
    """`delete.retention.ms` of the changelogs. A disk store left unused for longer than half of it starts anew:
    tombstones that it missed may be gone."""

    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65_535, description="None: no HTTP; 0: any free.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.store == "disk" and self.data_dir is None:
            raise ValueError("the disk store needs a data_dir")
        if self.session_timeout > self.request_timeout:
            raise ValueError("session_timeout must not be longer than request_timeout")
        if self.hand_over_timeout >= self.rebalance_timeout:
            raise ValueError("hand_over_timeout must be shorter than rebalance_timeout")
        return self

    @property
    def transactional(self) -> bool:
        """Whether batches are written in transactions."""
        return self.guarantee == "exactly_once"
