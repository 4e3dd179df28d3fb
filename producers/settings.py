"""What the collector and the publisher can be told. Typed and frozen; nobody here reads the environment."""

from dataclasses import replace
from datetime import datetime
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from producers.adapters.address import Network
from producers.adapters.sender import Sender
from producers.identity_text import EmailPlus, IdentifierRules
from schemas.base import Name
from schemas.money import Currency


def _zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name!r} is not a time zone; one is Europe/Berlin") from error
    return name


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network; one is 10.0.0.0/8") from error
    return text


Origin = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z0-9+.-]*://[^/\s]+)$")]
"""Of a page, as browsers write it: `https://shop.example`, without a slash at its end; `*`: any."""


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
    max_age: float = Field(
        default=300,
        gt=0,
        description="seconds that a signature's own time may lie off. For a provider that sends its first signature "
        "again with each retry, as long as it tries: what comes twice is known by its event id",
    )
    unsigned: bool = Field(default=False, description="take the hook without a signature: the write key must do")


#: Characters of a key; RFC 2104 wants at least as many bytes as the digest has.
_SHORTEST_KEY = 32


class IdentifierSettings(_Settings):
    """How identifiers are written, and which go to Kafka as pseudonyms; `identity_text` says what that means.

    One key for all parts: events of a door that has another one, or none, are of other people.
    """

    email_plus: EmailPlus = Field(
        default="keep",
        description="of ada+news@example.org; drop: it is ada@example.org. Only some hosts deliver both to one person",
    )
    pseudonym_key: SecretStr | None = Field(
        default=None,
        description="hide identifiers by HMAC-SHA-256 under this key (openssl rand -hex 32). Another key makes another "
        "person of everybody, so it is changed only where the history is imported anew",
    )
    keep_clear: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)], ...] = Field(
        default=("order",), description="kinds of identifiers that are not hidden; all others are personal"
    )

    @field_validator("pseudonym_key")
    @classmethod
    def _cannot_be_guessed(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < _SHORTEST_KEY:
            raise ValueError(f"is shorter than {_SHORTEST_KEY} characters; openssl rand -hex 32 makes one")
        return key

    def rules(self, email_plus: EmailPlus | None = None) -> IdentifierRules:
        """Give what doors are told. `email_plus`: a source's own."""
        key = self.pseudonym_key.get_secret_value().encode() if self.pseudonym_key is not None else None
        return IdentifierRules(email_plus or self.email_plus, key, frozenset(self.keep_clear))


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
    email_plus: EmailPlus | None = Field(default=None, description="as in the section identifiers; none: as it says")

    def sender(self, door: str, identifiers: IdentifierSettings) -> Sender:
        """Give what an adapter is told of the source. `identifiers` are those of all sources."""
        return Sender(
            self.source,
            door,
            self.default_currency,
            self.channel,
            ZoneInfo(self.timezone) if self.timezone else None,
            self.phone_region,
            frozenset(name.lower() for name in self.never_keep),
            switchboards=self.switchboards,
            rules=identifiers.rules(self.email_plus),
        )


class _Rotating(_Settings):
    """When a key opens anything. An old and a new one overlap while they rotate."""

    valid_from: AwareDatetime | None = Field(default=None, description="it opens nothing before")
    valid_until: AwareDatetime | None = Field(default=None, description="it opens nothing from then on")

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.valid_from is not None and self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("valid_until must be later than valid_from")
        return self

    def opens_at(self, now: datetime) -> bool:
        """Say whether it opens anything at that time."""
        return (self.valid_from is None or now >= self.valid_from) and (
            self.valid_until is None or now < self.valid_until
        )


class WriteKey(SourceSettings, _Rotating):
    """A key that may write, the source that holds it, and what it opens.

    A source may hold several: one for its pages and one for its servers, or an old and a new one while they rotate.
    """

    key: SecretStr = Field(min_length=1)
    hooks: dict[str, HookSettings] = Field(default_factory=dict, description="by adapter: what its signatures need")
    snowplow_app_ids: tuple[str, ...] = Field(
        default=(),
        description="Snowplow's trackers send no key: the application ids that stand for this one; *: all others",
    )
    public: bool = Field(
        default=False,
        description="it stands in a page, where anybody can read it: no hooks, no e-mail, hotline and store "
        "touchpoints, no refunds, and purchases stay unverified until a trusted source names the same order",
    )
    allow: tuple[str, ...] | None = Field(
        default=None, description="what it may send: track, page, hooks, hooks:sendgrid; none: everything"
    )
    touchpoints: tuple[Name, ...] | None = Field(
        default=None, description="the touchpoints that it may send, with their parts; none: all"
    )
    origins: tuple[Origin, ...] | None = Field(
        default=None, description="of pages that may send with it; none: the collector's cors_origins"
    )
    rate: float | None = Field(default=None, gt=0, description="events a second; none: the collector's")
    burst: float | None = Field(default=None, gt=0, description="events at once above the rate; none: twice the rate")

    def sender(
        self, door: str, identifiers: IdentifierSettings, *, ip: str | None = None, keep_ip: bool = True
    ) -> Sender:
        """Give what an adapter is told of the source, and of what this key may send."""
        return replace(
            super().sender(door, identifiers),
            public=self.public,
            calls=frozenset(self.allow) if self.allow is not None else None,
            touchpoints=frozenset(self.touchpoints) if self.touchpoints is not None else None,
            ip=ip,
            keep_ip=keep_ip,
        )


class AdminKey(_Rotating):
    """A key that may look up and mend whose an identifier is, and who holds it. It writes no events."""

    key: SecretStr = Field(min_length=8)
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] = Field(
        description="the person or system that holds it; stands beside each decision that it makes"
    )


class CollectorSettings(_Settings):
    """The HTTP door. One process uses one core; `processes` share the port. Bounds and rates hold in each process."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    write_keys: tuple[WriteKey, ...] = Field(default=(), description="none: every event is answered 401")
    admin_keys: tuple[AdminKey, ...] = Field(
        default=(), description="for /v1/identity; none: it is answered 403. Never one of the write keys"
    )
    cors_origins: tuple[Origin, ...] = Field(
        default=("*",), description="origins of pages that may send with a key that names none; *: all"
    )
    rate: float | None = Field(default=None, gt=0, description="events a second of each key; none: no limit")
    burst: float | None = Field(default=None, gt=0, description="events at once above the rate; none: twice the rate")
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        default=(), description="networks whose X-Forwarded-For is believed: 10.0.0.0/8"
    )
    keep_ip: bool = Field(default=True, description="keep addresses, cut to /24 and /48; false: none at all")
    max_body_bytes: int = Field(default=5 * 1024**2, ge=1024, description="of a body as it is sent")
    max_unpacked_bytes: int = Field(default=20 * 1024**2, ge=1024, description="of a body after gzip")
    max_values: int = Field(
        default=500_000, ge=1000, description="of values in a body: each small one takes memory, too"
    )
    max_batch_events: int = Field(default=2500, ge=1)
    max_event_bytes: int = Field(default=256 * 1024, ge=1024, le=256 * 1024)
    max_depth: int = Field(default=64, ge=4, le=200, description="of nested objects and lists in one event")
    max_quarantined_bytes: int = Field(default=64 * 1024, ge=1024, le=128 * 1024, description="kept of what was bad")
    recent_ids: int = Field(default=100_000, ge=0, description="how many event ids the door remembers")
    publish_timeout: float = Field(default=12, gt=0, description="seconds to wait for Kafka before answering 503")
    max_requests: int = Field(default=256, ge=2, description="that are worked on at once; one key alone gets half")
    max_bytes: int = Field(
        default=64 * 1024**2, ge=1024**2, description="of bodies that are worked on at once; one key alone gets half"
    )
    max_connections: int = Field(default=4096, ge=1, description="that are open at once, idle ones included")
    body_timeout: float = Field(default=30, gt=0, description="seconds for a body to arrive")
    processes: int = Field(default=1, ge=1, le=64, description="that share the port; one uses one core")
    retry_after: int = Field(default=5, ge=1, description="seconds that a 503 asks the sender to wait")
    stop_timeout: float = Field(default=15, gt=0, description="seconds for requests in flight at the end")
    tls_cert: Path | None = None
    tls_key: Path | None = None
    identifiers: IdentifierSettings = Field(default=IdentifierSettings(), exclude=True)
    """Set once for all parts, by the section `identifiers`, which is put in here."""

    @model_validator(mode="after")
    def _every_key_is_another(self) -> Self:
        keys = [key.key.get_secret_value() for key in self.write_keys]
        if len(set(keys)) < len(keys):
            raise ValueError("write_keys: a key is there twice")
        admin_keys = [key.key.get_secret_value() for key in self.admin_keys]
        if len(set(admin_keys)) < len(admin_keys):
            raise ValueError("admin_keys: a key is there twice")
        if not set(admin_keys).isdisjoint(keys):
            raise ValueError("admin_keys: a write key may not be an admin key, too")
        return self

    @cached_property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The networks of `trusted_proxies`."""
        return tuple(map(ip_network, self.trusted_proxies))

    def origins_of(self, key: WriteKey | None) -> tuple[str, ...]:
        """Give the origins that may use a key; of None those that may use any, which is what a preflight can know."""
        if key is not None:
            return self.cors_origins if key.origins is None else key.origins
        return self._every_origin

    @cached_property
    def _every_origin(self) -> tuple[str, ...]:
        each = [origin for key in self.write_keys for origin in self.origins_of(key)]
        return tuple(dict.fromkeys(each or self.cors_origins))


class PublisherSettings(_Settings):
    """The way to Kafka. With these defaults a record is acknowledged or given up within ten seconds."""

    linger_ms: int = Field(default=1, ge=0)
    batch_bytes: int = Field(default=128 * 1024, ge=1)
    compression: Literal["gzip", "lz4", "zstd"] | None = None
    buffer_bytes: int = Field(default=64 * 1024**2, ge=1024, description="of records that are not acknowledged yet")
    request_timeout: float = Field(default=5, gt=0, description="seconds")
    delivery_timeout: float = Field(default=10, gt=0, description="seconds; more than linger and one request")
    metadata_timeout: float = Field(default=3, gt=0, description="seconds to learn a topic's partitions")
    max_record_bytes: int = Field(default=1_000_000, ge=1024)

    @model_validator(mode="after")
    def _a_request_fits_into_the_delivery(self) -> Self:
        if self.delivery_timeout < self.request_timeout + self.linger_ms / 1000:
            raise ValueError("delivery_timeout must be at least request_timeout plus linger_ms")
        return self
