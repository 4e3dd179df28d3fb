"""The rule of identity, written plainly: over a whole history of events and decisions, in memory, from scratch.

Shares no code with `streams.core`. It is slow and easy to read; the properties hold the distributed stage to it.
The names in it: an identifier is its key, `kind:value`; an event's owner is its strongest identifier, and the event is
a link between the owner and each of its other identifiers. `u` is always of a unique kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from schemas.base import profile_id
from schemas.catalogue import Catalogue, IdentitySettings, load
from schemas.identifier import STRENGTH, order_key, strongest
from schemas.identity import Command
from schemas.policy import POLICIES, Policy
from schemas.touchpoint import Touchpoint
from tests.properties.reference import takes_back

DECIDED, SAID, SAID_IN_PUBLIC = 0, 1, 1000
"""What a link weighs: a person's decision, a verified event, and an event that anybody could have sent."""

DEFAULT = load()

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RefLabel:
    """Who an identifier belongs to; `distance` None: there is no anchor in reach, the least identifier names it."""

    named: str
    distance: int | None
    made: bool
    path: tuple[str, ...]

    @property
    def preference(self) -> tuple[object, ...]:
        """The less, the better."""
        return (
            self.distance is None,
            self.distance or 0,
            self.made,
            strength(self.named),
            len(self.path),
            self.path,
        )


@dataclass(frozen=True)
class RefRoute:
    """From `since` on (None: always) events belong to the profile that `named` names."""

    since: datetime | None
    named: str


@dataclass
class IdentityResult:
    """The profile of every event by its id, and how it comes to it. `plans` is by identifier and policy."""

    profiles: dict[UUID, UUID | None]
    labels: dict[str, RefLabel]
    plans: dict[tuple[str, Policy], list[RefRoute]]
    blocked: frozenset[str]
    shared: frozenset[str]
    made: frozenset[str]

    def named(self, identifier: str, policy: Policy = "last_known", at: datetime | None = None) -> str:
        """Who names the profile of an identifier's events at a time; None: after all that is known."""
        routes = self.plans[identifier, policy]
        return [route.named for route in routes if None in (route.since, at) or route.since <= at][-1]  # type: ignore[operator]  # None is asked first


@dataclass
class Links:
    """What the events say of one identifier: its neighbours, and when those of unique kinds were seen with it.

    Both by what such a link weighs: SAID by verified events, SAID_IN_PUBLIC by others.
    """

    by: dict[int, set[str]] = field(default_factory=lambda: {SAID: set(), SAID_IN_PUBLIC: set()})
    seen: dict[int, list[tuple[str, datetime]]] = field(default_factory=lambda: {SAID: [], SAID_IN_PUBLIC: []})

    @property
    def all(self) -> set[str]:
        return self.by[SAID] | self.by[SAID_IN_PUBLIC]


def kind_of(identifier: str) -> str:
    return identifier.partition(":")[0]


def strength(identifier: str) -> tuple[int, str, str]:
    kind, _, value = identifier.partition(":")
    return (STRENGTH.index(kind) if kind in STRENGTH else len(STRENGTH), kind, value)


def resolve_all(
    events: Sequence[Touchpoint],
    commands: Sequence[Command],
    settings: IdentitySettings,
    catalogue: Catalogue = DEFAULT,
) -> IdentityResult:
    """Say where every event of a history belongs. The order of what is given does not matter, nor do repetitions.

    `catalogue`: that by which the events came, which says what takes an order back.
    """
    history = list({event.event_id: event for event in events}.values())
    decisions = sorted({c.command_id: c for c in commands}.values(), key=lambda c: (c.requested_at, c.command_id))
    identifiers = {i.key for event in history for i in event.identifiers}
    identifiers |= {owner for event in history if (owner := owner_of(event, catalogue)) is not None}
    identifiers |= {c.to for c in decisions} | {c.other for c in decisions if c.other is not None}

    links = read_links(history, settings)
    blocked = {i for i in identifiers if is_blocked(i, links[i], decisions, settings)}
    hushed = {i for i in identifiers - blocked if over(links[i].all, kind_of(i), settings)}
    joins = [(a, b) for a, b in live_joins(decisions) if a not in blocked and b not in blocked]
    made = {i for i in identifiers if kind_of(i) not in settings.unique and was_made(i, decisions)}
    live = live_links(identifiers, links, blocked, hushed, joins)

    labels = greedy_labels(identifiers - blocked, live, made, settings)
    assert labels == fixpoint_labels(identifiers - blocked, live, made, settings)
    labels |= {i: RefLabel(i, None, False, (i,)) for i in blocked}

    joined = {i for pair in joins for i in pair}
    alone = blocked | made | joined
    shared = {i for i in identifiers - alone if len({labels[u].named for u in nearest(i, live, settings)}) > 1}
    plans = {
        (i, policy): plan_of(i, policy, i in shared, links[i], live, labels, settings)
        for i in identifiers
        for policy in POLICIES
    }
    result = IdentityResult({}, labels, plans, frozenset(blocked), frozenset(shared), frozenset(made))
    decided = {i for pair in live_joins(decisions) for i in pair}
    for order in identifiers - blocked - made - decided:
        buyer = buyer_of(order, history, result, settings) if not links[order].all else None
        if buyer is not None:
            plans |= {(order, policy): [RefRoute(None, buyer)] for policy in POLICIES}
    for event in history:
        owned = owner_of(event, catalogue)
        if owned is None:
            result.profiles[event.event_id] = None
        else:
            named = result.named(owned, settings.policy_of(event.source), event.occurred_at)
            result.profiles[event.event_id] = profile_id(named)
    return result


def owner_of(event: Touchpoint, catalogue: Catalogue) -> str | None:
    """Rules 1 and 10: the strongest identifier; where there is none, the order that the event takes back."""
    owner = strongest(event.identifiers)
    if owner is not None:
        return owner.key
    return order_key(event.order_id) if takes_back(event, catalogue) else None


def buyer_of(
    order: str, history: Iterable[Touchpoint], result: IdentityResult, settings: IdentitySettings
) -> str | None:
    """Rule 10: who names the one profile that has the events that name the order; of each owner the earliest counts.

    Where a trusted source has said some, only those count, and of these only what has an amount, if any has. More than
    eight buyers are none.
    """
    told: dict[tuple[bool, bool], dict[str, tuple[datetime, int]]] = defaultdict(dict)
    for event in history:
        owner = strongest(event.identifiers)
        if owner is None or owner.kind == "order" or order_key(event.order_id) != order:
            continue
        if not event.verified and settings.public_links == "none":
            continue
        by = told[not (event.verified or settings.public_links == "full"), event.amount is None]
        place = event.occurred_at, POLICIES.index(settings.policy_of(event.source))
        by[owner.key] = min(place, by.get(owner.key, place))
    best = told[min(told)] if told else {}
    if len(best) > 8:
        return None
    named = {result.named(owner, POLICIES[policy], at) for owner, (at, policy) in best.items()}
    return named.pop() if len(named) == 1 else None


# --- what the events and the decisions say


def read_links(history: Iterable[Touchpoint], settings: IdentitySettings) -> dict[str, Links]:
    """Rules 1 and 2: a star around the owner; no link between two of unique kinds."""
    links: dict[str, Links] = defaultdict(Links)
    for event in history:
        owner = strongest(event.identifiers)
        if owner is None or (not event.verified and settings.public_links == "none"):
            continue
        for other in {i.key for i in event.identifiers} - {owner.key}:
            if {owner.kind, kind_of(other)} <= set(settings.unique):
                continue
            weight = SAID if event.verified or settings.public_links == "full" else SAID_IN_PUBLIC
            for one, two in ((owner.key, other), (other, owner.key)):
                links[one].by[weight].add(two)
                if kind_of(two) in settings.unique:
                    links[one].seen[weight].append((two, event.occurred_at))
    return links


def over(neighbours: set[str], kind: str, settings: IdentitySettings) -> bool:
    """Rule 4: are these more neighbours than an identifier of the kind may have?"""
    cap = settings.cap_of(kind)
    return len(neighbours) > cap.links or sum(kind_of(n) in settings.unique for n in neighbours) > cap.customers


def is_blocked(identifier: str, links: Links, decisions: Sequence[Command], settings: IdentitySettings) -> bool:
    """Rule 3: the latest command decides; without one the catalogue's list and the cap do."""
    actions = [c.action for c in decisions if c.to == identifier and c.action in {"block", "unblock"}]
    if actions:
        return actions[-1] == "block"
    return identifier in settings.block or over(links.by[SAID], kind_of(identifier), settings)


def live_joins(decisions: Sequence[Command]) -> list[tuple[str, str]]:
    """Rule 5: a merge holds unless a later unmerge names one of the two."""
    joins: list[tuple[str, str]] = []
    for command in decisions:
        if command.action == "merge" and command.other is not None and command.other != command.to:
            joins.append((command.to, command.other))
        elif command.action == "unmerge":
            joins = [pair for pair in joins if command.to not in pair]
    return joins


def was_made(identifier: str, decisions: Sequence[Command]) -> bool:
    """Rule 5: has it been unmerged, and not been merged again since?"""
    actions = [
        c.action
        for c in decisions
        if (c.action == "unmerge" and c.to == identifier)
        or (c.action == "merge" and c.other is not None and c.other != c.to and identifier in {c.to, c.other})
    ]
    return actions[-1:] == ["unmerge"]


def live_links(
    identifiers: set[str],
    links: dict[str, Links],
    blocked: set[str],
    hushed: set[str],
    joins: list[tuple[str, str]],
) -> dict[str, dict[str, int]]:
    """Rules 2 to 5: the weight of every link that counts, from both of its ends."""
    live: dict[str, dict[str, int]] = {i: {} for i in identifiers - blocked}
    for one, weights in live.items():
        for two in links[one].all - blocked:
            if two in links[one].by[SAID]:
                weights[two] = SAID
            elif one not in hushed and two not in hushed:
                weights[two] = SAID_IN_PUBLIC
    for a, b in joins:
        live[a][b] = live[b][a] = DECIDED
    return live


# --- labels


def own_label(identifier: str, made: set[str], settings: IdentitySettings) -> RefLabel:
    """What it is by itself: an anchor, or somebody without one."""
    unique = kind_of(identifier) in settings.unique
    anchor = unique or identifier in made
    return RefLabel(identifier, 0 if anchor else None, anchor and not unique, (identifier,))


def offer(label: RefLabel, to: str, weight: int, settings: IdentitySettings) -> RefLabel | None:
    """What `to` may make of a neighbour's label; None: nothing."""
    too_long = len(label.path) > settings.max_hops  # so many links has the path with `to` at its end
    not_by_decision = kind_of(to) in settings.unique and weight != DECIDED
    if to in label.path or too_long or not_by_decision:
        return None
    distance = None if label.distance is None else label.distance + weight
    return RefLabel(label.named, distance, label.made, (*label.path, to))


def greedy_labels(
    identifiers: set[str], live: dict[str, dict[str, int]], made: set[str], settings: IdentitySettings
) -> dict[str, RefLabel]:
    """Rule 6, as Dijkstra would: fix the best label of all that are open, and see what its owner offers."""
    fixed: dict[str, RefLabel] = {}
    best = {i: own_label(i, made, settings) for i in identifiers}
    while best:
        identifier = min(best, key=lambda i: best[i].preference)
        fixed[identifier] = label = best.pop(identifier)
        for other, weight in live[identifier].items():
            offered = offer(label, other, weight, settings)
            if other in best and offered is not None:
                best[other] = min(best[other], offered, key=lambda one: one.preference)
    return fixed


def fixpoint_labels(
    identifiers: set[str], live: dict[str, dict[str, int]], made: set[str], settings: IdentitySettings
) -> dict[str, RefLabel]:
    """Rule 6, as Bellman and Ford would: everybody takes the best of what the neighbours have, until nobody changes."""
    labels = {i: own_label(i, made, settings) for i in identifiers}
    for _ in range(len(identifiers) ** 2 + 2):
        news = {}
        for identifier in identifiers:
            choices = [own_label(identifier, made, settings)]
            for other, weight in live[identifier].items():
                offered = offer(labels[other], identifier, weight, settings)
                if offered is not None:
                    choices.append(offered)
            news[identifier] = min(choices, key=lambda one: one.preference)
        if news == labels:
            return labels
        labels = news
    raise AssertionError("the labels do not settle")


# --- where events belong


def nearest(identifier: str, live: dict[str, dict[str, int]], settings: IdentitySettings) -> set[str]:
    """Rule 7: the neighbours of unique kinds, by the links of the least weight among theirs."""
    if kind_of(identifier) in settings.unique or identifier not in live:
        return set()
    weights = {u: weight for u, weight in live[identifier].items() if kind_of(u) in settings.unique}
    return {u for u, weight in weights.items() if weight == min(weights.values())}


def plan_of(
    identifier: str,
    policy: Policy,
    is_shared: bool,
    links: Links,
    live: dict[str, dict[str, int]],
    labels: dict[str, RefLabel],
    settings: IdentitySettings,
) -> list[RefRoute]:
    """Rules 7 and 8: who names the profile of its events, by their time."""
    if not is_shared:
        return [RefRoute(None, labels[identifier].named)]
    if policy == "device_only":
        return [RefRoute(None, identifier)]
    used = nearest(identifier, live, settings)
    weight = live[identifier][min(used)]
    sightings = [(at, u) for at, u in sightings_of(links.seen[weight], settings) if u in used]
    if not sightings:
        return [RefRoute(None, labels[identifier].named)]
    first = identifier if policy == "split_at_login" else labels[sightings[0][1]].named
    routes = [RefRoute(None, first)]
    for at, u in sightings:
        routes.append(RefRoute(at, labels[u].named))
    return routes


def sightings_of(seen: Iterable[tuple[str, datetime]], settings: IdentitySettings) -> list[tuple[datetime, str]]:
    """Rule 8: when whom: the first of each stretch, the newest of all, in order of time."""
    stretch = timedelta(minutes=settings.sighting_minutes)
    first: dict[tuple[int, str], datetime] = {}
    for u, at in seen:
        place = ((at - EPOCH) // stretch, u)
        first[place] = min(at, first.get(place, at))
    kept = sorted(first)[-settings.max_sightings :]
    return sorted((first[place], place[1]) for place in kept)
