"""What a door is: addresses, and how an arrived request becomes outcomes and an answer. Data and functions, no state.

To add a door: one module that makes `Door`s (events come in), `Page`s (something is only shown) or `AdminDoor`s
(somebody with an admin key looks or decides), and one line in `doors.py`. Reading, gunzipping, keys, rates, Kafka and
metrics are the same for every door, and the app's.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from producers.adapters.adapter import Context
from producers.adapters.sender import Limits, Sender
from producers.collector.fetching import Fetch
from producers.collector.keys import KeyRing
from producers.collector.metrics import Metrics
from producers.collector.tally import answer_of
from producers.publisher import Publisher
from producers.recent import RecentCommands
from producers.settings import AdminKey, CollectorSettings, WriteKey
from schemas.catalogue import Catalogue
from schemas.outcome import Outcome

Lookup = Callable[[str], Mapping[str, Any]]
"""What is known of an identifier (`kind:value`), as JSON; blocks. Whoever starts the collector brings it, since it asks
another system. Raises `LookupError` where nothing is known of it, `OSError` where that system does not answer."""


@dataclass(frozen=True, slots=True)
class Services:
    """What doors and pages may use of the collector. `now` is its only clock, `fetch` its only way to other hosts.

    `doors`, `pages` and `admin_doors` are all that there are, for those that tell of them. `lookup` is None where
    whoever started the collector has brought none.
    """

    settings: CollectorSettings
    catalogue: Catalogue
    limits: Limits
    keys: KeyRing[WriteKey]
    admin_keys: KeyRing[AdminKey]
    metrics: Metrics
    publisher: Publisher
    now: Callable[[], datetime]
    fetch: Fetch
    doors: tuple["Door", ...] = ()
    pages: tuple["Page", ...] = ()
    admin_doors: tuple["AdminDoor", ...] = ()
    lookup: Lookup | None = None
    commands: RecentCommands = field(default_factory=RecentCommands)


@dataclass(slots=True)
class Arrived:
    """One request, as far as it is known. `body` is unpacked; `key` and `sender` are there once the key is found.

    `parsed` is the door's own: what `key_inside` has read of the body, for `translate` to go on with.
    """

    request: Request
    services: Services
    received_at: datetime
    body: bytes = b""
    parsed: Any = None
    key: WriteKey | None = None
    sender: Sender | None = None

    @property
    def holder(self) -> WriteKey:
        """The write key; only after it is found."""
        if self.key is None:
            raise AssertionError("the key is not found yet")
        return self.key

    @property
    def context(self) -> Context:
        """What an adapter is told; only after the key is found."""
        if self.sender is None:
            raise AssertionError("the key is not found yet")
        return Context(self.sender, self.received_at, self.services.catalogue, self.services.limits)


def query_key(request: Request) -> str | None:
    """Give the key of `?writeKey=`, where it is not in Basic authentication."""
    return request.query_params.get("writeKey")


def no_key(_arrived: Arrived) -> str | None:
    """Find no key in a body."""
    return None


def tell(arrived: Arrived, outcomes: Sequence[Outcome]) -> Response:  # noqa: ARG001 # the same for every door
    """Answer 200 with what became of each event."""
    return json_answer(200, answer_of(outcomes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Addresses that take events.

    The app calls `key_outside`, reads the body, calls `key_inside`, then `translate`, and `answer` once Kafka has
    acknowledged everything. A `Refusal` of `key_inside` or `translate` that has a status of 400 is quarantined with its
    `raw`, and then is the answer.
    """

    name: str
    """A short name, also the operation's in the OpenAPI document; every door has its own."""
    paths: tuple[str, ...]
    """As Starlette writes them: `/hooks/{adapter}`."""
    about: str
    """One line for people."""
    translate: Callable[[Arrived], Awaitable[Sequence[Outcome]]]
    methods: tuple[str, ...] = ("POST",)
    key_outside: Callable[[Request], str | None] = query_key
    """Where a key may stand besides Basic authentication: address and headers. It is asked before the body is read."""
    key_inside: Callable[[Arrived], str | None] = no_key
    """The key that the body states, asked for every request that has a readable body. May leave what it has read in
    `parsed`."""
    answer: Callable[[Arrived, Sequence[Outcome]], Response] = tell
    look: Callable[[Request], Response] | None = None
    """What a GET is shown where the door takes POST only: some providers try an address before they use it."""
    private: bool = False
    """Is it closed to public keys? So it is where other companies' systems send, and never a page."""
    asks: bool = False
    """Does a 401 ask for a password? Some systems send theirs only then. A browser would ask the visitor of a page."""
    scopes: tuple[str, ...] = ()
    """Every name that `names` may give; so a typing error in a key's `allow` is found at the start."""
    names: Callable[[Request], tuple[str, ...]] | None = None
    """By which names a key's `allow` allows this request: `("hooks", "hooks:sendgrid")`. None: by the door's name."""
    example: str = "{}"
    """A body that would be taken, for the first page and the OpenAPI document."""
    example_path: str | None = None
    """The address of the example where the first of `paths` has a parameter."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """JSON Schema of the body; empty: anything."""
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON Schema of each parameter in the path; a door that has any may answer 404."""
    answers: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    """Media types of answers that are not our own JSON, by status: `{200: {"image/gif": "a pixel"}}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An address that only shows something: it takes no events and wants no write key, unless it asks for one itself.

    `answer` may raise `Refusal`.
    """

    name: str
    paths: tuple[str, ...]
    about: str
    answer: Callable[[Request, Services], Awaitable[Response]]
    methods: tuple[str, ...] = ("GET",)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: Mapping[int, Mapping[str, str]] = field(
        default_factory=lambda: {200: {"application/json": "what it says"}}
    )


@dataclass(frozen=True, slots=True)
class Called:
    """One request to an admin door, from the holder of `key`."""

    request: Request
    services: Services
    received_at: datetime
    key: AdminKey
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDoor:
    """An address for whoever holds an admin key. It takes no events, and a page of another site cannot call it.

    `answer` may raise `Refusal`.
    """

    name: str
    """A short name, also the operation's in the OpenAPI document."""
    paths: tuple[str, ...]
    about: str
    """One line for people."""
    answer: Callable[[Called], Awaitable[Response]]
    methods: tuple[str, ...] = ("POST",)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON Schema of each parameter in the path."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that it takes, with what they are for."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """JSON Schema of the body."""
    example: str | None = None
    """A body that would be taken; None: it wants no body."""
    example_path: str | None = None
    """The address of the example where the first of `paths` has a parameter."""
    done: tuple[int, type[BaseModel] | None, str] = (200, None, "what it says")
    """What success is answered with: status, model (None: any object), meaning."""
    refusals: Mapping[int, str] = field(default_factory=dict)
    """What else it may answer than any admin door does, by status."""


def json_answer(status: int, answer: Mapping[str, Any]) -> Response:
    """Give an answer in JSON."""
    return Response(orjson.dumps(answer), status_code=status, media_type="application/json")
