"""Sections of the settings: a part's own settings, less what all parts share.

Kafka and ClickHouse are set once, in `kafka` and `clickhouse`; `deploy.wiring` puts them together with these.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from schemas.connection import KafkaConnection
from streams.worker.settings import WorkerSettings

_SHARED = {
    "kafka": "the section kafka",
    "replication_factor": "replication_factor",
}


class WorkerSection(WorkerSettings):
    """The stream worker's settings. Where Kafka is and how to prove who we are stands in the section `kafka`."""

    app_id: str = Field(default="touchpath", pattern=r"^[A-Za-z0-9._-]+$", description="Consumer group; prefix of all")
    kafka: KafkaConnection = Field(default=KafkaConnection(), exclude=True)
    replication_factor: int = Field(default=1, exclude=True)

    @model_validator(mode="after")
    def _shared_settings_are_set_once(self) -> Self:
        for name, place in _SHARED.items():
            if name in self.model_fields_set:
                raise ValueError(f"{name} is set once for all parts, by {place}")
        return self
