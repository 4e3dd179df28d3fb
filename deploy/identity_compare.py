"""What another policy for shared identifiers would change: recorded events through the real stages, once per policy.

Pure but for `recorded`. Events are run in memory, so their number is bounded by whoever asks; everything is counted as
readers of the topics would see it in the end. Money is Decimal, by currency.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from deploy.wiring import stages
from schemas import topics
from schemas.catalogue import Catalogue, IdentitySettings
from schemas.identifier import Identifier, strongest
from schemas.policy import POLICIES, Policy
from sinks.cells import micros
from sinks.sql import query
from streams.core.identity.node import Node, decode_node
from streams.core.identity.plan import home_at
from streams.core.identity.rules import POLICY_NUMBER, IdentityRules
from streams.core.identity.stance import homes_of, label_of
from streams.core.loopback import Loopback
from streams.core.stage import Output

if TYPE_CHECKING:
    from sinks.client import Store

AS_CONFIGURED = "as configured"
UNATTRIBUTED = "unattributed"
CHUNK = 2_000
_EARLIEST, _LATEST = -(2**62), 2**62
_DEVICE_ONLY = POLICY_NUMBER["device_only"]

Progress = Callable[[str, int], None]
"""Hears which policy is looked at, and how many more of its events are done."""


# ---- what was recorded


def recorded(store: Store, since: datetime | None, until: datetime | None, most: int) -> tuple[list[Output], int]:
    """Give the newest `most` touchpoints of a stretch of event time with all decisions, and how many there are in all.

    Raises:
        StoreError: ClickHouse does not answer, or has no tables.
    """
    between = {
        "since": micros(since) if since else _EARLIEST,
        "until": micros(until) - 1 if until else _LATEST,
    }
    there = int(store.rows(query("identity_recorded_size", store.database), between)[0][0])
    named = {"collected": topics.COLLECTED.name, "identity": topics.IDENTITY.name, "most": most}
    found = store.rows(query("identity_recorded", store.database), {**between, **named})
    return [Output(topic, _bytes(key), _bytes(value), at) for topic, key, value, at in found], there


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


# ---- what a policy makes of it


class Line(NamedTuple):
    """One cell of the revenue: what a channel earned in a model."""

    model: str
    channel: str
    currency: str


@dataclass(slots=True)
class Outcome:
    """What one policy makes of the events. `people`: by shared identifier, whose its events are, with their number."""

    name: str
    profiles: int = 0
    journeys: int = 0
    conversions: int = 0
    revenue: dict[str, Decimal] = field(default_factory=dict)
    """Net, of all conversions, by currency."""
    credited: dict[Line, Decimal] = field(default_factory=dict)
    """Net, by model, channel and currency; what no touch earned stands under `unattributed`."""
    shared: int = 0
    """Identifiers that several customers share."""
    people: dict[str, dict[str, int]] = field(default_factory=dict)


class Difference(NamedTuple):
    """A shared identifier, how many of its events are somebody else's under another policy, and whose by policy."""

    identifier: str
    events: int
    moved: int
    people: dict[str, dict[str, int]]


@dataclass(slots=True)
class Comparison:
    """The outcomes by policy. `in_force` names the one that is: `as configured` where sources have different ones."""

    events: int
    decisions: int
    quarantined: int
    in_force: str
    outcomes: dict[str, Outcome]
    differences: list[Difference]


def compare(
    records: Sequence[Output],
    catalogue: Catalogue,
    sources: Sequence[str] = (),
    on_progress: Progress | None = None,
) -> Comparison:
    """Run the events once per policy, and lay side by side what comes out.

    `sources`: the policy of these is tried out, all others keep theirs; none: of all sources.
    """
    events = [_event(record) for record in records if record.topic == topics.COLLECTED.name]
    settings, named = catalogue.identity, {event.source for event in events}
    tried: dict[str, IdentitySettings] = {policy: _with_policy(settings, policy, sources) for policy in POLICIES}
    in_force = next((name for name, one in tried.items() if _same(one, settings, named)), AS_CONFIGURED)
    if in_force == AS_CONFIGURED:
        tried = {AS_CONFIGURED: settings, **tried}
    outcomes: dict[str, Outcome] = {}
    homes: dict[str, list[str | None]] = {}
    quarantined = 0
    for name, one in tried.items():
        run = _run(records, catalogue.model_copy(update={"identity": one}), name, on_progress)
        outcomes[name], homes[name] = run.outcome(name), run.homes(events)
        quarantined = run.quarantined
    for name, outcome in outcomes.items():
        outcome.people = _people(events, homes[name])
    return Comparison(
        events=len(events),
        decisions=len(records) - len(events),
        quarantined=quarantined,
        in_force=in_force,
        outcomes=outcomes,
        differences=_differences(homes, in_force, events, outcomes),
    )


def _with_policy(settings: IdentitySettings, policy: Policy, sources: Sequence[str]) -> IdentitySettings:
    if not sources:
        return settings.model_copy(update={"policy": policy, "policies": {}})
    return settings.model_copy(update={"policies": {**settings.policies, **dict.fromkeys(sources, policy)}})


def _same(one: IdentitySettings, other: IdentitySettings, sources: Iterable[str]) -> bool:
    """Say whether both have the same policy for every source that there is an event of."""
    return all(one.policy_of(source) == other.policy_of(source) for source in sources)


class _Identifier(msgspec.Struct):
    kind: str
    value: str


class _Touchpoint(msgspec.Struct):
    source: str
    occurred_at: datetime
    identifiers: list[_Identifier] = []


class _Event(NamedTuple):
    source: str
    at: int
    owner: str | None


_touchpoint = msgspec.json.Decoder(_Touchpoint).decode


def _event(record: Output) -> _Event:
    touchpoint = _touchpoint(record.value)
    named = strongest(Identifier(kind=one.kind, value=one.value) for one in touchpoint.identifiers)
    return _Event(touchpoint.source, micros(touchpoint.occurred_at), named.key if named else None)


# ---- one run


class _Journey(msgspec.Struct):
    journey_id: str
    profile_id: str
    revision: int
    withdrawn: bool = False


class _Conversion(msgspec.Struct):
    conversion_id: str
    revision: int
    withdrawn: bool = False
    currency: str | None = None
    minor_digits: int = 0
    net_minor: int = 0


class _Entry(msgspec.Struct):
    model: str
    value_minor: int
    channel: str | None = None


class _Posting(msgspec.Struct):
    entries: list[_Entry]
    currency: str | None = None
    minor_digits: int = 0


_journey = msgspec.json.Decoder(_Journey).decode
_conversion = msgspec.json.Decoder(_Conversion).decode
_posting = msgspec.json.Decoder(_Posting).decode


class _Run(Loopback):
    """The stages in memory, and a reader: it keeps of journeys and conversions the newest, of credits the sums."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__(stages(catalogue))
        self._rules = IdentityRules(catalogue.identity)
        self._journeys: dict[str, _Journey] = {}
        self._conversions: dict[str, _Conversion] = {}
        self._credited: defaultdict[Line, Decimal] = defaultdict(Decimal)
        self.quarantined = 0

    def put(self, output: Output) -> None:
        """Read what goes to readers, and let it go; what goes to a stage waits there."""
        if output.topic == topics.JOURNEYS.name:
            journey = _journey(output.value)
            _newest(self._journeys, journey.journey_id, journey)
        elif output.topic == topics.CONVERSIONS.name:
            conversion = _conversion(output.value)
            _newest(self._conversions, conversion.conversion_id, conversion)
        elif output.topic == topics.CREDITS.name:
            posting = _posting(output.value)
            for entry in posting.entries:
                line = Line(entry.model, entry.channel or UNATTRIBUTED, posting.currency or "")
                self._credited[line] += Decimal(entry.value_minor).scaleb(-posting.minor_digits)
        elif output.topic in (topics.COLLECTED.name, topics.IDENTITY.name, topics.RESOLVED.name):
            super().put(output)
        elif output.topic == topics.QUARANTINE.name:
            self.quarantined += 1

    def forget(self) -> None:
        """Let go of records that every stage has taken."""
        self.topics.clear()
        self._taken.clear()

    def outcome(self, name: str) -> Outcome:
        """Give what readers see now."""
        journeys = [one for one in self._journeys.values() if not one.withdrawn]
        conversions = [one for one in self._conversions.values() if not one.withdrawn]
        revenue: defaultdict[str, Decimal] = defaultdict(Decimal)
        for one in conversions:
            if one.currency is not None:
                revenue[one.currency] += Decimal(one.net_minor).scaleb(-one.minor_digits)
        return Outcome(
            name=name,
            profiles=len({one.profile_id for one in journeys}),
            journeys=len(journeys),
            conversions=len(conversions),
            revenue=dict(revenue),
            credited={line: value for line, value in self._credited.items() if value},
            shared=sum(1 for _ in self._shared()),
        )

    def homes(self, events: Sequence[_Event]) -> list[str | None]:
        """Give for each event of a shared identifier who names its profile; None for all others."""
        shared = dict(self._shared())
        found: list[str | None] = []
        for event in events:
            node = shared.get(event.owner) if event.owner is not None else None
            if node is None or event.owner is None:
                found.append(None)
            else:
                homes = homes_of(self._rules, event.owner, node, self._rules.policy(event.source))
                found.append(home_at(homes, event.at))
        return found

    def _shared(self) -> Iterable[tuple[str, Node]]:
        for (stage, _), table in self.states.items():
            if stage != "resolve":
                continue
            for key, value in table.items():
                identifier, node = key.decode(), decode_node(value)
                alone = homes_of(self._rules, identifier, node, _DEVICE_ONLY)[0][1]
                # Only of what is shared is one's own profile another one than that of the best label.
                if alone != label_of(self._rules, identifier, node).named:
                    yield identifier, node


Newest = TypeVar("Newest", _Journey, _Conversion)


def _newest(known: dict[str, Newest], id_: str, one: Newest) -> None:
    before = known.get(id_)
    if before is None or before.revision <= one.revision:
        known[id_] = one


def _run(records: Sequence[Output], catalogue: Catalogue, name: str, on_progress: Progress | None) -> _Run:
    run = _Run(catalogue)
    waiting = iter(records)
    while chunk := list(islice(waiting, CHUNK)):
        for record in chunk:
            run.put(record)
        run.run()
        run.forget()
        if on_progress is not None:
            on_progress(name, len(chunk))
    return run


# ---- side by side


def _people(events: Sequence[_Event], homes: Sequence[str | None]) -> dict[str, dict[str, int]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for event, home in zip(events, homes, strict=True):
        if event.owner is not None and home is not None:
            found[event.owner][home] += 1
    return {identifier: dict(counter.most_common()) for identifier, counter in found.items()}


def _differences(
    homes: dict[str, list[str | None]], in_force: str, events: Sequence[_Event], outcomes: dict[str, Outcome]
) -> list[Difference]:
    """Give the shared identifiers of whose events some move under another policy, those with the most first."""
    total: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    usual = homes[in_force]
    for place, event in enumerate(events):
        if event.owner is None or all(one[place] is None for one in homes.values()):
            continue
        total[event.owner] += 1
        if any(one[place] != usual[place] for one in homes.values()):
            moved[event.owner] += 1
    return [
        Difference(
            identifier,
            total[identifier],
            count,
            {name: outcome.people.get(identifier, {}) for name, outcome in outcomes.items()},
        )
        for identifier, count in sorted(moved.items(), key=lambda item: (-item[1], item[0]))
    ]
