"""What the collector and the publisher can be told. Typed and frozen; nobody here reads the environment."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from schemas.base import Name
from schemas.money import Currency


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WriteKey(_Settings):
    """A key that may write, and what is known of whoever holds it."""

    key: SecretStr = Field(min_length=1)
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    default_currency: Currency | None = Field(
        default=None, description="of amounts that come without one; without it such an event is quarantined"
    )
    channel: Name | None = Field(
        default=None, description="of events that name no channel and that the catalogue does not know"
    )


class CollectorSettings(_Settings):
    """The HTTP door. One process uses one core; run several behind a balancer for more."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    write_keys: tuple[WriteKey, ...] = Field(default=(), description="none: every event is answered 401")
    cors_origins: tuple[str, ...] = Field(default=("*",), description="origins of pages that may send; *: all")
    max_body_bytes: int = Field(default=5 * 1024**2, ge=1024, description="of a body as it is sent")
    max_unpacked_bytes: int = Field(default=20 * 1024**2, ge=1024, description="of a body after gzip")
    max_batch_events: int = Field(default=2500, ge=1)
    max_event_bytes: int = Field(default=256 * 1024, ge=1024, le=256 * 1024)
    max_depth: int = Field(default=64, ge=4, le=200, description="of nested objects and lists in one event")
    max_quarantined_bytes: int = Field(default=64 * 1024, ge=1024, le=128 * 1024, description="kept of what was bad")
    recent_ids: int = Field(default=100_000, ge=0, description="how many event ids the door remembers")
    publish_timeout: float = Field(default=12, gt=0, description="seconds to wait for Kafka before answering 503")
    max_requests: int = Field(default=256, ge=1, description="that are worked on at once")
    retry_after: int = Field(default=5, ge=1, description="seconds that a 503 asks the sender to wait")
    stop_timeout: float = Field(default=15, gt=0, description="seconds for requests in flight at the end")
    tls_cert: Path | None = None
    tls_key: Path | None = None


class PublisherSettings(_Settings):
    """The way to Kafka. With these defaults a record is acknowledged or given up within ten seconds."""

    linger_ms: int = Field(default=5, ge=0)
    batch_bytes: int = Field(default=128 * 1024, ge=1)
    compression: Literal["gzip", "lz4", "zstd"] | None = None
    buffer_bytes: int = Field(default=32 * 1024**2, ge=1024, description="of records that are not acknowledged yet")
    request_timeout: float = Field(default=5, gt=0, description="seconds")
    delivery_timeout: float = Field(default=10, gt=0, description="seconds; more than linger and one request")
    metadata_timeout: float = Field(default=3, gt=0, description="seconds to learn a topic's partitions")
    max_record_bytes: int = Field(default=1_000_000, ge=1024)

    @model_validator(mode="after")
    def _a_request_fits_into_the_delivery(self) -> Self:
        if self.delivery_timeout < self.request_timeout + self.linger_ms / 1000:
            raise ValueError("delivery_timeout must be at least request_timeout plus linger_ms")
        return self
