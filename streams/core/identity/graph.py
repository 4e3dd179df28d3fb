"""The nodes of one partition while a batch is taken: what events, neighbours and people tell them, and their answers.

Every node is alone: it knows its own links and what its neighbours said last, nothing else. What it hears changes its
links; at the end of the batch its voice compares what it stands for now with what it has told, and tells the
difference. At the end, so that what many neighbours say together is answered once.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from streams.core.clock import micros
from streams.core.identity.caps import cap_over, exceed, has_room
from streams.core.identity.decided import decide, hear_join, hear_parted
from streams.core.identity.messages import (
    Asked,
    BesideAnOrder,
    Command,
    Evidence,
    Followed,
    Labelled,
    Ordered,
    Parted,
    Seen,
    Sighted,
    from_wire,
    read_message,
)
from streams.core.identity.node import (
    ASKED,
    UNVERIFIED,
    VERIFIED,
    Link,
    Mention,
    Node,
    decode_node,
    encode_node,
)
from streams.core.identity.orders import counting, follow, rank_of, take_mention
from streams.core.identity.outbox import Outbox
from streams.core.identity.plan import home_at
from streams.core.identity.rules import POLICY_NUMBER, IdentityRules
from streams.core.identity.sightings import add_own_moment, add_sighting
from streams.core.identity.stance import stopped_by
from streams.core.identity.voice import Voice
from streams.core.trusted import Said

#: So many pairs that must not be joined does a node remember, so that each is logged once.
_MOST_CONFLICTS = 100

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
        self._voice = Voice(rules, outbox)
        self._nodes: dict[str, Node] = {}
        self._changed: set[str] = set()
        self._unsettled: dict[str, tuple[Evidence, int]] = {}
        self._fresh: dict[str, Evidence] = {}

    def settle(self) -> None:
        """Let the nodes tell what has changed; to be called once, behind the last record."""
        for key, (evidence, timestamp) in sorted(self._unsettled.items()):
            self._out.timestamp = timestamp
            self._voice.settle(key, self._nodes[key], evidence)
        for key, evidence in sorted(self._fresh.items()):
            self._introduce(key, self._nodes[key], evidence)

    def state(self) -> Iterator[tuple[bytes, bytes]]:
        """Give the nodes that have changed, as they are to be stored, in the order of their keys."""
        for key in sorted(self._changed):
            yield key.encode(), encode_node(self._nodes[key])

    # -- what an event says

    def home(self, key: str, said: Said) -> Home:
        """Give whose an event of that owner is; an owner that is new gets its node."""
        node = self._known(key)
        if node is None:
            node = self._nodes[key] = Node({})
            self._introduce(key, node, _evidence(said))
        elif not node.plans:  # a neighbour has told of it in this batch, or it is an order that was sold
            self._introduce(key, node, self._fresh.pop(key, _evidence(said)))
        policy = self._rules.policy(said.source)
        plan = node.plans.get(policy)
        if plan is None:
            plan = self._voice.introduce(key, node, _evidence(said), policy)
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
        for other in said.others:
            if not rules.is_unique(other):
                sighted = micros(said.occurred_at) if unique else None
                self._link(key, node, other, sighted, evidence, verified=verified)
            elif unique:
                self._keep_apart(key, node, other, evidence)
            else:
                self._link(key, node, other, None, evidence, verified=verified)
                self._sight(key, node, other, micros(said.occurred_at), evidence, verified=verified)

    def _keep_apart(self, key: str, node: Node, other: str, evidence: Evidence) -> None:
        """Note that an event named two of a kind of which a person has one."""
        if other in node.conflicts or len(node.conflicts) >= _MOST_CONFLICTS:
            return
        node.conflicts.append(other)
        self._changed.add(key)
        self._voice.stopped(key, node, other, "unique", evidence)

    def _link(
        self, key: str, node: Node, other: str, sighted: int | None, evidence: Evidence, *, verified: bool
    ) -> None:
        """Note that an event has linked the node with `other`, and tell `other` what it does not know yet."""
        bit = VERIFIED if verified else UNVERIFIED
        link = node.links.get(other)
        if link is None:
            if not has_room(node, bit):
                # The other end counts its links too, so it must hear of this one.
                self._voice.stopped(key, node, other, cap_over(node), evidence)
                self._out.seen(other, key, evidence, None, verified=verified, sighted=sighted)
                return
            link = self._new_link(key, node, other, evidence)
        first = not link.bits & (bit | VERIFIED)
        seen_anew = sighted is not None and self._has_seen(link, sighted, verified=verified)
        if not (first or seen_anew):
            return
        self._changed.add(key)
        if not (first or link.bits & ASKED):
            return
        nearer = bit == VERIFIED and not link.bits & VERIFIED
        link.bits |= bit
        label = self._voice.label_for(key, node, link)
        over = self._count(key, node, other, evidence) if first else None
        if over is not None or (nearer and link.label is not None):
            self._unsettle(key, over or evidence)
        self._out.seen(other, key, evidence, label, verified=verified, sighted=sighted)

    def _has_seen(self, link: Link, at: int, *, verified: bool) -> bool:
        """Keep when the node was seen with a neighbour; it is told if it asks. Say whether that is new."""
        moments = link.seen if verified else link.unverified_seen
        return add_own_moment(moments, at, self._rules.stretch, self._rules.max_sightings)

    def _new_link(self, key: str, node: Node, other: str, evidence: Evidence) -> Link:
        link = node.links[other] = Link()
        if (guard := stopped_by(self._rules, key, node)) is not None:
            self._voice.stopped(key, node, other, guard, evidence)
        return link

    def _sight(self, key: str, node: Node, who: str, at: int, evidence: Evidence, *, verified: bool) -> None:
        """Note when a customer was seen with the owner, where the customer's kind is the weaker one."""
        seen = node.sightings if verified else node.unverified_sightings
        if who in node.links and add_sighting(seen, who, at, self._rules.stretch, self._rules.max_sightings):
            self._changed.add(key)
            self._unsettle(key, evidence)

    def ordered(self, order: str, key: str, said: Said, home: Home) -> None:
        """Tell the order that an event of `key` names where the event belongs."""
        rules = self._rules
        if said.verified or rules.unverified_join:
            rank = rank_of(verified=said.verified or rules.unverified_count_fully, priced=said.priced)
            mention = Mention(micros(said.occurred_at), home.policy, rank, home.named)
            self._out.ordered(order, key, _evidence(said), mention)

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
        elif isinstance(message, Asked):
            self._hear_asked(message)
        elif isinstance(message, Sighted):
            self._hear_sighted(message)
        elif isinstance(message, Parted):
            self._hear_parted(message)
        elif isinstance(message, Ordered):
            self._hear_ordered(message)
        elif isinstance(message, Followed):
            self._hear_followed(message)
        else:
            self._hear_command(message)

    def _hear_seen(self, message: Seen) -> None:
        key, evidence = message.to, message.evidence
        node = self._told_of(key, evidence)
        if message.decided_at is not None:
            hear_join(message, node, micros(message.decided_at), self._out)
            self._changed.add(key)
            self._unsettle(key, evidence)
        else:
            self._hear_link(key, node, message)

    def _hear_link(self, key: str, node: Node, message: Seen) -> None:
        other, evidence = message.sender, message.evidence
        bit = VERIFIED if message.verified else UNVERIFIED
        link = node.links.get(other)
        if link is None:
            if not has_room(node, bit):
                self._voice.stopped(key, node, other, cap_over(node), evidence)
                return
            link = self._new_link(key, node, other, evidence)
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
            self._unsettle(key, over or evidence)
        if not link.bits & ASKED and self._rules.is_unique(other) and not self._rules.is_unique(key):
            self._ask(key, node, evidence)

    def _ask(self, key: str, node: Node, evidence: Evidence) -> None:
        """Ask the customers for their sightings, once there are several: of one alone they decide nothing."""
        customers = [
            (other, link)
            for other, link in node.links.items()
            if link.bits & (VERIFIED | UNVERIFIED) and self._rules.is_unique(other)
        ]
        if len(customers) > 1:
            for other, link in customers:
                if not link.bits & ASKED:
                    link.bits |= ASKED
                    self._changed.add(key)
                    self._out.asked(other, key, evidence)

    def _hear_asked(self, message: Asked) -> None:
        node = self._known(message.to)
        link = node.links.get(message.sender) if node is not None else None
        if link is None:
            return  # over its cap it remembers no link, and says each sighting as it comes
        link.bits |= ASKED
        self._changed.add(message.to)
        self._out.sighted(message.sender, message.to, message.evidence, link.seen, link.unverified_seen)

    def _hear_sighted(self, message: Sighted) -> None:
        key = message.to
        node = self._known(key)
        if node is None or message.sender not in node.links:
            return
        rules = self._rules
        news = False
        for seen, moments in (
            (node.sightings, message.seen),
            (node.unverified_sightings, message.unverified_seen),
        ):
            for at in moments:
                news |= add_sighting(seen, message.sender, micros(at), rules.stretch, rules.max_sightings)
        if news:
            self._changed.add(key)
            self._unsettle(key, message.evidence)

    def _hear_label(self, message: Labelled) -> None:
        key = message.to
        node = self._known(key)
        link = node.links.get(message.sender) if node is not None else None
        if node is None or link is None:
            return
        link.label = from_wire(message.label)
        self._changed.add(key)
        self._unsettle(key, message.evidence)

    def _hear_parted(self, message: Parted) -> None:
        node = self._known(message.to)
        if node is not None and hear_parted(message, node, self._out):
            self._changed.add(message.to)
            self._unsettle(message.to, message.evidence)

    def _hear_ordered(self, message: Ordered) -> None:
        key, evidence = message.to, message.evidence
        node = self._known(key)
        if node is None:
            node = self._nodes[key] = Node({})  # nothing is logged of it before it has events of its own
        mention = _mention(message)
        if take_mention(node, message.sender, mention):
            self._changed.add(key)
            if node.plans:
                self._out.followed(message.sender, key, evidence, mention)
                self._unsettle(key, evidence)

    def _hear_followed(self, message: Followed) -> None:
        key = message.to
        node = self._known(key)
        plan = node.plans.get(POLICY_NUMBER[message.policy]) if node is not None else None
        if node is None or plan is None:
            return  # nobody whom we know has said what it speaks of
        follow(node, message.sender, _mention(message))
        self._changed.add(key)
        self._unsettle(key, message.evidence)

    def _hear_command(self, command: Command) -> None:
        key = command.to
        evidence = Evidence(command.command_id, command.action, command.requested_at)
        node = self._told_of(key, evidence)
        decide(command, node, evidence, self._voice, self._out)
        self._changed.add(key)
        self._unsettle(key, evidence)

    # -- nodes

    def _introduce(self, key: str, node: Node, evidence: Evidence) -> None:
        """Give a node its plan; an order hears from now on what becomes of the events that tell who bought it."""
        self._voice.introduce(key, node, evidence)
        self._changed.add(key)
        for who, mention in counting(node):
            self._out.followed(who, key, evidence, mention)

    def _told_of(self, key: str, evidence: Evidence) -> Node:
        """Give the node of an identifier that somebody speaks of; a new one is introduced at the end of the batch."""
        node = self._known(key)
        if node is None:
            node = self._nodes[key] = Node({})
        if not node.plans:
            self._fresh.setdefault(key, evidence)
            self._changed.add(key)
        return node

    def _unsettle(self, key: str, evidence: Evidence) -> None:
        self._unsettled[key] = evidence, self._out.timestamp

    def _known(self, key: str) -> Node | None:
        node = self._nodes.get(key)
        if node is None:
            stored = self._read(key.encode())
            if stored is not None:
                node = self._nodes[key] = decode_node(stored)
        return node

    def _count(self, key: str, node: Node, other: str, evidence: Evidence) -> Evidence | None:
        """Log each cap that the node passes with this link; what follows from that has the guard as its cause."""
        passed = list(exceed(self._rules, key, node))
        for guard in passed:
            self._voice.stopped(key, node, other, guard, evidence)
        return Evidence(evidence.id, "guard", evidence.recorded_at) if passed else None


def _mention(message: BesideAnOrder) -> Mention:
    rank = rank_of(verified=message.verified, priced=message.priced)
    return Mention(micros(message.ordered_at), POLICY_NUMBER[message.policy], rank, message.named)


def _evidence(said: Said) -> Evidence:
    return Evidence(said.event_id, "event", said.received_at)
