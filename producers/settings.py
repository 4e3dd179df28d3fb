"""What the collector and the publisher can be told. Typed and frozen; nobody here reads the environment."""

from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from producers.adapters.sender import Sender
from schemas.base import Name
from schemas.money import Currency


def _zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not a time zone; one is Europe/Berlin") from error
    return name


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HookSettings(_Settings):
    """What one provider's signatures are checked with."""

    secrets: tuple[SecretStr, ...] = Field(
        default=(), description="the provider's signing secret or public key; several while one replaces another"
    )
    public_url: str | None = Field(
        default=None, description="the address as the provider knows it, where its signature covers that"
    )
    max_age: float = Field(default=300, gt=0, description="seconds that a signature's own time may lie off")
    unsigned: bool = Field(default=False, description="take the hook without a signature: the write key must do")


class SourceSettings(_Settings):
    """A source: what its events are taken to mean where they do not say so, and what of them is never kept."""

    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    default_currency: Currency | None = Field(
        default=None, description="of amounts that come without one; without it such an event is quarantined"
    )
    channel: Name | None = Field(
        default=None, description="of events that name no channel and that the catalogue does not know"
    )
    timezone: Annotated[str, AfterValidator(_zone_name)] | None = Field(
        default=None, description="IANA zone of times without one: Europe/Berlin"
    )
    phone_region: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = Field(
        default=None, description="country of telephone numbers without one: DE"
    )
    never_keep: tuple[str, ...] = Field(
        default=(), description="fields that are taken out wherever they stand: recordings, agents' private data"
    )
    switchboards: tuple[str, ...] = Field(
        default=(), description="telephone numbers of the house, which never name a caller; +49301234* for a range"
    )

    def sender(self, door: str) -> Sender:
        """Give what an adapter is told of the source."""
        return Sender(
            self.source,
            door,
            self.default_currency,
            self.channel,
            ZoneInfo(self.timezone) if self.timezone else None,
            self.phone_region,
            frozenset(name.lower() for name in self.never_keep),
            switchboards=self.switchboards,
        )


class WriteKey(SourceSettings):
    """A key that may write, and the source that holds it."""

    key: SecretStr = Field(min_length=1)
    hooks: dict[str, HookSettings] = Field(default_factory=dict, description="by adapter: what its signatures need")
    snowplow_app_ids: tuple[str, ...] = Field(
        default=(),
        description="Snowplow's trackers send no key: the application ids that stand for this one; *: all others",
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
