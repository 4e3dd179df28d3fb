"""What a door knows of whoever sends, before it reads a byte of the event."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from producers.identity_text import PLAIN, IdentifierRules


@dataclass(frozen=True, slots=True)
class Sender:
    """The source, and what its events are taken to mean where they do not say so.

    `door` is the way in, as a quarantine record names it: `http:/v1/track`. `zone` is that of times without one,
    `phone_region` (`DE`) that of numbers without a country, and `never_keep` names fields, in lower case, that are
    taken out wherever they stand. `public` says that the key stands where anybody can read it, as in a web page: what
    comes with it is not verified. `calls` and `touchpoints` are those that the key may send; None: all. `ip` is the
    address of the person's device, cut, where the request came from there; None elsewhere. `keep_ip` says whether cut
    addresses are kept at all. `switchboards` are telephone numbers of the house, which never name a person;
    `+49301234*` means all that begin so. `rules` say how its identifiers are written, and which of them are hidden.
    """

    source: str
    door: str
    default_currency: str | None = None
    channel: str | None = None
    zone: ZoneInfo | None = None
    phone_region: str | None = None
    never_keep: frozenset[str] = frozenset()
    public: bool = False
    calls: frozenset[str] | None = None
    touchpoints: frozenset[str] | None = None
    ip: str | None = None
    keep_ip: bool = True
    switchboards: tuple[str, ...] = ()
    rules: IdentifierRules = PLAIN


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one event may be: bytes of JSON, depth of nesting, and how much of a bad one is kept."""

    event_bytes: int = 256 * 1024
    depth: int = 64
    quarantined_bytes: int = 64 * 1024
