"""The nodes of one partition while a batch is taken: what events, neighbours and people tell them, and their answers.

Every node is alone: it knows its own links and what its neighbours said last, nothing else. Each change ends in
`_settle`, which compares what the node stands for now with what it has told, and tells the difference.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

from schemas.policy import POLICIES
from streams.core.clock import micros, moment
from streams.core.identity.label import UNANCHORED, Label, extended, order_of
from streams.core.identity.messages import (
    Command,
    Evidence,
    Labelled,
    Parted,
    Seen,
    WriteChange,
    from_wire,
    read_message,
)
from streams.core.identity.node import (
    JOINED,
    MUTED,
    OVER_CAP,
    OVER_UNVERIFIED_CAP,
    UNVERIFIED,
    VERIFIED,
    Decision,
    Decisions,
    Link,
    Node,
    Plan,
    decode_node,
    encode_node,
)
from streams.core.identity.outbox import Outbox, profile_named
from streams.core.identity.plan import Homes, home_at, take_over
from streams.core.identity.rules import UNVERIFIED_WEIGHT, IdentityRules
from streams.core.identity.sightings import add_sighting, homes_by_time
from streams.core.trusted import Said

#: So many pairs that must not be joined does a node remember, so that each is logged once.
_MOST_CONFLICTS = 100
#: A node that takes no links is asked again at most once in so long, by event time, in microseconds.
_ASK_AGAIN = 24 * 60 * 60 * 1_000_000

#: Causes that take apart what was together.
_UNDOING = frozenset({"unmerge", "block", "guard"})

StateReader = Callable[[bytes], bytes | None]


class Home(NamedTuple):
    """Whose an event is: who names the profile, under which policy, as of which version of the owner's plan."""

    named: str
    policy: int
    version: int


class Graph:
    """The nodes that a batch touches, each read once and stored once."""

    def __init__(self, rules: IdentityRules, read: StateReader, outbox: Outbox) -> None:
        self._rules = rules
        self._read = read
        self._out = outbox
        self._nodes: dict[str, Node] = {}
        self._changed: set[str] = set()

    def state(self) -> Iterator[tuple[bytes, bytes]]:
        """Give the nodes that have changed, as they are to be stored, in the order of their keys."""
        for key in sorted(self._changed):
            yield key.encode(), encode_node(self._nodes[key])

    # -- what an event says

    def home(self, key: str, said: Said) -> Home:
        """Give whose an event of that owner is; an owner that is new gets its node."""
        node = self._known(key)
        if node is None:
            node = self._new(key)
            self._introduce(key, node, _evidence(said))
        policy = self._rules.policy(said.source)
        plan = node.plans.get(policy)
        if plan is None:
            plan = node.plans[policy] = Plan(self._homes(key, node, policy))
        if not plan.used:
            plan.used = True
            self._changed.add(key)
        homes = plan.homes
        named = homes[0][1] if len(homes) == 1 else home_at(homes, micros(said.occurred_at))
        return Home(named, policy, plan.version)

    def together(self, key: str, said: Said) -> None:
        """Link an event's owner, whose node is there, with the other identifiers of the event."""
        rules = self._rules
        if not said.verified and not rules.unverified_join:
            return
        verified = said.verified or rules.unverified_count_fully
        node = self._nodes[key]
        evidence = _evidence(said)
        unique = rules.is_unique(key)
        sighted = micros(said.occurred_at) if unique else None
        for other in said.others:
            if unique and rules.is_unique(other):
                self._conflict(key, node, other, evidence)
            else:
                self._link(key, node, other, sighted, evidence, verified=verified)

    def _conflict(self, key: str, node: Node, other: str, evidence: Evidence) -> None:
        if other in node.conflicts or len(node.conflicts) >= _MOST_CONFLICTS:
            return
        node.conflicts.append(other)
        self._changed.add(key)
        self._log_stop(key, node, other, "unique", evidence)

    def _link(
        self, key: str, node: Node, other: str, sighted: int | None, evidence: Evidence, *, verified: bool
    ) -> None:
        """Note that an event has linked the node with `other`, and tell `other` what it does not know yet."""
        bit = VERIFIED if verified else UNVERIFIED
        link = node.links.get(other)
        if link is None:
            if not self._has_room(node, bit):
                self._log_stop(key, node, other, _cap_of(node), evidence)
                self._out.seen(other, key, evidence, None, verified=verified, sighted=sighted)
                return
            link = node.links[other] = Link()
        news = not link.bits & (bit | VERIFIED)
        if sighted is not None and self._is_news(link, sighted, verified=verified):
            news = True
            if verified:
                link.sighted = sighted
            else:
                link.sighted_unverified = sighted
        if not news:
            return
        weight_fell = bit == VERIFIED and not link.bits & VERIFIED
        link.bits |= bit
        if weight_fell:
            link.bits &= ~MUTED
        self._changed.add(key)
        over = self._count(key, node, other, evidence)
        label = self._label(key, node) if self._is_live(key, node, link) else None
        if weight_fell or over:
            self._settle(key, node, over or evidence)
        link.said = node.label_version if label is not None else 0
        self._out.seen(other, key, evidence, label, verified=verified, sighted=sighted)

    def _is_news(self, link: Link, at: int, *, verified: bool) -> bool:
        told = link.sighted if verified else link.sighted_unverified
        if told is None:
            return True
        if link.bits & MUTED:
            return at // _ASK_AGAIN != told // _ASK_AGAIN
        return at // self._rules.stretch != told // self._rules.stretch or at < told

    # -- what a neighbour or a person says

    def hear(self, value: bytes) -> None:
        """Take in a record of `touchpath.identity`.

        Raises:
            pydantic.ValidationError: it breaks the contract.
        """
        message = read_message(value)
        if isinstance(message, Seen):
            self._hear_seen(message)
        elif isinstance(message, Labelled):
            self._hear_label(message)
        elif isinstance(message, Parted):
            self._hear_parted(message)
        else:
            self._hear_command(message)

    def _hear_seen(self, message: Seen) -> None:
        """Take in that a neighbour was seen with the node."""
        key, evidence = message.to, message.evidence
        fresh = self._known(key) is None
        node = self._nodes.get(key) or self._new(key)
        if message.decided_at is not None:
            self._hear_join(key, node, message, (micros(message.decided_at), evidence.id.bytes))
        else:
            self._hear_link(key, node, message)
        if fresh:
            self._introduce(key, node, evidence)

    def _hear_link(self, key: str, node: Node, message: Seen) -> None:
        other, evidence = message.sender, message.evidence
        bit = VERIFIED if message.verified else UNVERIFIED
        link = node.links.get(other)
        if link is None:
            if not self._has_room(node, bit):
                self._log_stop(key, node, other, _cap_of(node), evidence)
                if node.bits & OVER_CAP:
                    self._out.labelled(other, key, evidence, None)
                return
            link = node.links[other] = Link()
            if (guard := self._blocked_by(key, node)) is not None:
                self._log_stop(key, node, other, guard, evidence)
        known = link.bits, link.label
        link.bits |= bit
        link.label = from_wire(message.label)
        news = known != (link.bits, link.label)
        if message.sighted_at is not None:
            seen = node.sightings if message.verified else node.unverified_sightings
            at = micros(message.sighted_at)
            news |= add_sighting(seen, other, at, self._rules.stretch, self._rules.max_sightings)
        if news:
            self._changed.add(key)
            over = self._count(key, node, other, evidence)
            self._settle(key, node, over or evidence)

    def _hear_label(self, message: Labelled) -> None:
        """Take in what a neighbour stands for now."""
        node = self._known(message.to)
        link = node.links.get(message.sender) if node is not None else None
        if node is None or link is None:
            return
        link.label = from_wire(message.label)
        if message.label is None and self._rules.is_unique(message.to) and not link.bits & JOINED:
            link.bits |= MUTED
        else:
            link.bits &= ~MUTED
        self._changed.add(message.to)
        self._settle(message.to, node, message.evidence)

    def _hear_parted(self, message: Parted) -> None:
        """Take in that a person has parted a neighbour from the node."""
        node = self._known(message.to)
        link = node.links.get(message.sender) if node is not None else None
        if node is None or link is None or link.joined is None:
            return
        if link.joined < (micros(message.decided_at), message.evidence.id.bytes):
            self._part(node, message.sender, link)
            self._changed.add(message.to)
            self._settle(message.to, node, message.evidence)

    def _hear_command(self, command: Command) -> None:
        """Take in a decision; an older one than what was decided since changes nothing."""
        key = command.to
        decision: Decision = micros(command.requested_at), command.command_id.bytes
        evidence = Evidence(command.command_id, command.action, command.requested_at)
        node = self._node(key, evidence)
        decisions = self._decisions(node)
        if command.action == "merge" and command.other is not None and command.other != key:
            decisions.merged = _later(decisions.merged, decision)
            link = node.links.setdefault(command.other, Link())
            alive = decisions.unmerged is None or decisions.unmerged < decision
            if alive and (link.joined is None or link.joined < decision):
                link.joined = decision
                link.bits |= JOINED
            label = self._label(key, node) if self._is_live(key, node, link) else None
            link.said = node.label_version if label is not None else 0
            self._out.seen(command.other, key, evidence, label, joined=decision[0])
            if not alive and decisions.unmerged is not None:
                self._tell_parted(command.other, key, decisions.unmerged, command)
                if not link.bits:
                    del node.links[command.other]
        elif command.action == "unmerge":
            decisions.unmerged = _later(decisions.unmerged, decision)
            for other, link in sorted(node.links.items()):
                if link.joined is not None and link.joined < decision:
                    self._part(node, other, link)
                    self._tell_parted(other, key, decision, command)
        elif command.action == "block":
            decisions.blocked = _later(decisions.blocked, decision)
        elif command.action == "unblock":
            decisions.opened = _later(decisions.opened, decision)
        self._changed.add(key)
        self._settle(key, node, evidence)

    def _hear_join(self, key: str, node: Node, message: Seen, decision: Decision) -> None:
        decisions = self._decisions(node)
        decisions.merged = _later(decisions.merged, decision)
        if decisions.unmerged is not None and decision < decisions.unmerged:
            at, by = decisions.unmerged
            evidence = Evidence(UUID(bytes=by), "unmerge", message.evidence.recorded_at)
            self._out.parted(message.sender, key, evidence, at)
        else:
            link = node.links.setdefault(message.sender, Link())
            if link.joined is None or link.joined < decision:
                link.joined = decision
            link.bits |= JOINED
            link.label = from_wire(message.label)
        self._changed.add(key)
        self._settle(key, node, message.evidence)

    def _tell_parted(self, other: str, key: str, decision: Decision, command: Command) -> None:
        evidence = Evidence(UUID(bytes=decision[1]), "unmerge", command.requested_at)
        self._out.parted(other, key, evidence, decision[0])

    def _part(self, node: Node, other: str, link: Link) -> None:
        link.joined = None
        link.bits &= ~JOINED
        if not link.bits & (VERIFIED | UNVERIFIED):
            del node.links[other]

    # -- guards

    def _has_room(self, node: Node, bit: int) -> bool:
        """Say whether a new link is still remembered: over a cap it cannot change anything any more."""
        return not node.bits & (OVER_CAP if bit == VERIFIED else OVER_CAP | OVER_UNVERIFIED_CAP)

    def _count(self, key: str, node: Node, other: str, evidence: Evidence) -> Evidence | None:
        """See whether the links that events have said are too many for a person's identifier: why, if so since now."""
        cap = self._rules.cap(key)
        if len(node.links) <= min(cap.links, cap.customers) or node.bits & OVER_CAP:
            return None
        known = node.bits
        for bits, over in ((VERIFIED, OVER_CAP), (VERIFIED | UNVERIFIED, OVER_UNVERIFIED_CAP)):
            linked = [neighbour for neighbour, link in node.links.items() if link.bits & bits]
            unique = sum(map(self._rules.is_unique, linked))
            if (len(linked) > cap.links or unique > cap.customers) and not node.bits & over:
                node.bits |= over
                self._log_stop(key, node, other, _cap_of(node), evidence)
        if node.bits == known:
            return None
        self._changed.add(key)
        return Evidence(evidence.id, "guard", evidence.recorded_at)

    def _blocked_by(self, key: str, node: Node) -> str | None:
        decisions = node.decisions
        if decisions is not None and (decisions.blocked or decisions.opened):
            latest = _later(decisions.blocked, decisions.opened)
            return "blocked" if latest == decisions.blocked else None
        if key in self._rules.block_list:
            return "block_list"
        return "cap" if node.bits & OVER_CAP else None

    # -- what a node stands for

    def _is_live(self, key: str, node: Node, link: Link) -> bool:
        """Does the link count, as far as this end goes?"""
        if self._blocked_by(key, node) is not None:
            return False
        return bool(link.bits & (JOINED | VERIFIED)) or bool(
            link.bits & UNVERIFIED and not node.bits & OVER_UNVERIFIED_CAP
        )

    def _is_made(self, key: str, node: Node) -> bool:
        """Has a person decided that it stands for itself?"""
        decisions = node.decisions
        if decisions is None or decisions.unmerged is None or self._rules.is_unique(key):
            return False
        return decisions.merged is None or decisions.merged < decisions.unmerged

    def _label(self, key: str, node: Node) -> Label:
        """Give the best label that the node can have from what its neighbours said."""
        rules = self._rules
        unique = rules.is_unique(key)
        if self._blocked_by(key, node) is not None:
            return Label(key, 0 if unique else UNANCHORED)
        if unique:
            best = Label(key, 0)
        elif self._is_made(key, node):
            best = Label(key, 0, made=True)
        else:
            best = Label(key, UNANCHORED)
        best_order = order_of(best)
        for link in node.links.values():
            if link.label is None or (unique and not link.bits & JOINED) or not self._is_live(key, node, link):
                continue
            label = extended(link.label, _weight(link), key, rules.max_hops)
            if label is not None and (order := order_of(label)) < best_order:
                best, best_order = label, order
        return best

    def _homes(self, key: str, node: Node, policy: int) -> Homes:
        """Give whose the node's events are, from which moment on."""
        named = self._sharing(key, node)
        if named is not None:
            if POLICIES[policy] == "device_only":
                return [(None, key)]
            strong = any(_weight(node.links[other]) == 1 for other in named)
            seen = node.sightings if strong else node.unverified_sightings
            homes = homes_by_time(seen, named, key if POLICIES[policy] == "split_at_login" else None)
            if homes:
                return homes
        return [(None, self._label(key, node).named)]

    def _sharing(self, key: str, node: Node) -> dict[str, str] | None:
        """Give the customers who share the node, each with who names its profile; None: it is not shared."""
        if len(node.links) <= 1 or self._rules.is_unique(key) or self._is_made(key, node):
            return None
        found: dict[str, str] = {}
        least = UNVERIFIED_WEIGHT + 1
        for other, link in node.links.items():
            if link.label is None or not self._is_live(key, node, link):
                continue
            if link.bits & JOINED:
                return None
            if not self._rules.is_unique(other):
                continue
            weight = _weight(link)
            if weight < least:
                least, found = weight, {}
            if weight == least:
                found[other] = link.label.named
        return found if len(set(found.values())) > 1 else None

    # -- telling

    def _settle(self, key: str, node: Node, evidence: Evidence) -> None:
        """Tell neighbours, profiles and the log what is not any more as it was told."""
        self._tell_neighbours(key, node, evidence)
        for policy, plan in sorted(node.plans.items()):
            homes = self._homes(key, node, policy)
            if homes != plan.homes:
                self._move(key, policy, plan, homes, evidence)
                self._changed.add(key)

    def _tell_neighbours(self, key: str, node: Node, evidence: Evidence) -> None:
        label = self._label(key, node)
        if label != (node.told or self._own(key)):
            node.told = None if label == self._own(key) else label
            node.label_version += 1
            self._changed.add(key)
        for other, link in node.links.items():
            if self._rules.is_unique(other) and not link.bits & JOINED:
                continue  # it takes nobody's label but through a join
            said = node.label_version if self._is_live(key, node, link) else 0
            if link.said != said:
                link.said = said
                self._changed.add(key)
                self._out.labelled(other, key, evidence, label if said else None)

    def _move(self, key: str, policy: int, plan: Plan, homes: Homes, evidence: Evidence) -> None:
        cause = "unmerge" if evidence.cause in _UNDOING else "merge"
        moves = take_over(plan, homes)
        for since, until, old, new in moves:
            self._log(key, policy, plan.version, f"{cause}d", evidence, new, since=since, until=until, previous=old)
        if not plan.used:
            return
        for old in dict.fromkeys(move.old for move in moves):
            going = [move for move in moves if move.old == old]
            final = old not in plan.targets
            self._out.forward(key, policy, plan.version, cause, evidence, going, final=final)
        plan.targets = sorted({*plan.targets, *(move.new for move in moves)})

    def _introduce(self, key: str, node: Node, evidence: Evidence) -> None:
        """Give a new node its usual plan, and log where it belongs from the start."""
        usual = self._rules.usual_policy
        homes = self._homes(key, node, usual)
        node.plans[usual] = Plan(homes)
        self._changed.add(key)
        for (since, named), (until, _) in zip(homes, [*homes[1:], (None, "")], strict=True):
            self._log(key, usual, 0, "created", evidence, named, since=since, until=until)

    def _log_stop(self, key: str, node: Node, other: str, guard: str, evidence: Evidence) -> None:
        named = (node.told or self._own(key)).named
        self._log(key, self._rules.usual_policy, 0, "stopped", evidence, named, guard=guard, other=other)

    def _log(  # a record's fields, by name
        self,
        key: str,
        policy: int,
        version: int,
        change: str,
        evidence: Evidence,
        named: str,
        *,
        since: int | None = None,
        until: int | None = None,
        previous: str | None = None,
        guard: str | None = None,
        other: str | None = None,
    ) -> None:
        self._out.log(
            WriteChange(
                profile_named(named),
                key,
                POLICIES[policy],
                version,
                change,
                named,
                None if previous is None else profile_named(previous),
                None if since is None else moment(since),
                None if until is None else moment(until),
                guard,
                other,
                evidence.cause,
                evidence.id,
                evidence.recorded_at,
            )
        )

    # -- nodes

    def _own(self, key: str) -> Label:
        return Label(key, 0 if self._rules.is_unique(key) else UNANCHORED)

    def _known(self, key: str) -> Node | None:
        node = self._nodes.get(key)
        if node is None:
            stored = self._read(key.encode())
            if stored is not None:
                node = self._nodes[key] = decode_node(stored)
        return node

    def _node(self, key: str, evidence: Evidence) -> Node:
        node = self._known(key)
        if node is None:
            node = self._new(key)
            self._introduce(key, node, evidence)
        return node

    def _new(self, key: str) -> Node:
        node = self._nodes[key] = Node({})
        return node

    def _decisions(self, node: Node) -> Decisions:
        if node.decisions is None:
            node.decisions = Decisions()
        return node.decisions


def _evidence(said: Said) -> Evidence:
    return Evidence(said.event_id, "event", said.received_at)


def _weight(link: Link) -> int:
    if link.bits & JOINED:
        return 0
    return 1 if link.bits & VERIFIED else UNVERIFIED_WEIGHT


def _cap_of(node: Node) -> str:
    return "cap" if node.bits & OVER_CAP else "unverified_cap"


def _later(one: Decision | None, other: Decision | None) -> Decision | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
