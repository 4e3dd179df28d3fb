"""What an adapter is: a provider's payload in, drafts of touchpoints out. Data and pure functions, no I/O, no clock.

A payload becomes pieces, one for each event that it tells of, and each piece becomes one draft or a `Problem` with a
path. So every piece has one outcome, and a bad one leaves its neighbours alone. To add a provider: one file that makes
an `Adapter`, one line in `registry.py`, and examples under `tests/examples/<adapter>/`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Literal

from producers.adapters.sender import Limits, Sender
from schemas.bodies import Body
from schemas.catalogue import Catalogue
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoint import Campaign

Area = Literal["web", "email", "hotline", "store", "survey", "social", "crm", "any"]


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a payload before it is read: who sends it, when it came, what the catalogue says."""

    sender: Sender
    received_at: datetime
    catalogue: Catalogue
    limits: Limits = field(default_factory=Limits)

    def usual_channel(self, touchpoint: str) -> str:
        """Give the channel of a touchpoint that names none: the catalogue's, else the source's, else web."""
        entry = self.catalogue.entry(touchpoint)
        return entry.channel if entry is not None else self.sender.channel or "web"


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a payload. `raw` is kept if it must be quarantined, `path` is its place (`$[3]`, `$.line[17]`).

    `value` is what was read of it: a dict of a JSON object, of a form or of a row. It is a `Problem` where not
    even that could be read. `end` is the byte of a file behind it, from where an import may go on; None:
    it may not.
    """

    raw: bytes
    path: str
    value: Any
    end: int | None = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """A touchpoint as an adapter sees it; `finish` puts in what holds for every source, and checks it.

    `occurred_at` may be without a zone: then the source's own zone is taken. `id` is the sender's own id for the event,
    the same at each retry; None: the piece's content stands for it. `channel` None: what the
    catalogue says for the touchpoint, else the source.
    """

    touchpoint: str
    occurred_at: datetime
    id: str | None
    channel: str | None = None
    at: str = "$"
    """Path of the time, for a complaint about it."""
    identifiers: list[Identifier] = field(default_factory=list)
    campaign: Campaign | None = None
    order_id: str | None = None
    amount: Money | None = None
    name: str | None = None
    body: Body | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    verified: bool = True
    """False where the payload itself says that anybody could have sent it."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A webhook as it came. Names of headers are lower case; `url` is the public one, which a signature may cover."""

    body: bytes
    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    url: str


@dataclass(frozen=True, slots=True)
class HookSecrets:
    """What the operator has said of a provider's signatures: secrets or public keys (several while they rotate)."""

    secrets: tuple[str, ...] = ()
    max_age: float = 300.0
    """Seconds; a signature whose own time is further from now than this is refused."""


class SignatureRefused(Exception):  # noqa: N818 # an answer, not an error of ours
    """The signature is missing, wrong or too old. The message says which, and never the secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """How a provider's webhook is told from a forged one, and how it wants to be answered."""

    signature: str
    """For people: `ECDSA over timestamp and body`, `none (Basic auth)`."""
    verify: Callable[[HookRequest, HookSecrets, datetime, Mapping[str, bytes]], None] | None = None
    """Raises `SignatureRefused`. Gets the time of arrival, and what was fetched of `needs`. None: never signed."""
    needs: Callable[[HookRequest], tuple[str, ...]] = lambda _request: ()
    """The addresses whose content `verify` wants; of the provider's own hosts only, or it raises `SignatureRefused`."""
    confirms: Callable[[HookRequest], str | None] = lambda _request: None
    """After `verify`: an address to be fetched because the provider asks us to confirm a subscription."""
    trial: Callable[[HookRequest], bool] = lambda _request: False
    """Is it the provider's trial of an address, which comes before the operator has a secret? `verify` sees it too."""
    answer: tuple[str, bytes] | None = None
    """Content type and body of a 200, where a provider wants another than our own tally."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One provider or format. `hook` None: it comes in files only; `file` None: by webhook only."""

    name: str
    about: str
    area: Area
    pieces: Callable[[HookRequest, Context], Iterator[Piece]] | None = None
    """Splits a webhook's body. Raises `Problem` where nothing can be read of it."""
    file: Callable[[BinaryIO, Context], Iterator[Piece]] | None = None
    """Splits a file, reading it piece by piece, never whole. Raises `Problem` where nothing can be read of it."""
    read: Callable[[Piece, Context], Draft]
    """Makes a draft of one piece. Raises `Problem`."""
    hook: Hook | None = None
    zone_needed: bool = False
    """Are its times without a zone, so that the source must declare one?"""
