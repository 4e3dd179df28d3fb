"""What people decide: two identifiers are one person, one stands for itself, one joins nobody. The latest counts."""

from datetime import datetime
from uuid import UUID

from streams.core.clock import micros
from streams.core.identity.messages import Command, Evidence, Parted, Seen, from_wire
from streams.core.identity.node import JOINED, UNVERIFIED, VERIFIED, Decision, Decisions, Link, Node
from streams.core.identity.outbox import Outbox
from streams.core.identity.stance import later
from streams.core.identity.voice import Voice


def decide(command: Command, node: Node, evidence: Evidence, voice: Voice, outbox: Outbox) -> None:
    """Take in a command; an older one than what was decided since changes nothing."""
    decision: Decision = micros(command.requested_at), command.command_id.bytes
    decisions = _decisions(node)
    if command.action == "merge":
        if command.other is not None and command.other != command.to:  # the contract has seen to it
            _merge(command.to, command.other, node, decision, evidence, voice, outbox)
    elif command.action == "unmerge":
        decisions.unmerged = later(decisions.unmerged, decision)
        for other, link in sorted(node.links.items()):
            if link.joined is not None and link.joined < decision:
                _tell_parted(other, command.to, decision, command.requested_at, outbox)
                _part(command.to, node, other, link, evidence, outbox)
    elif command.action == "block":
        decisions.blocked = later(decisions.blocked, decision)
    else:
        decisions.opened = later(decisions.opened, decision)


def _merge(
    key: str, other: str, node: Node, decision: Decision, evidence: Evidence, voice: Voice, outbox: Outbox
) -> None:
    decisions = _decisions(node)
    decisions.merged = later(decisions.merged, decision)
    link = node.links.setdefault(other, Link())
    alive = decisions.unmerged is None or decisions.unmerged < decision
    if alive:
        link.joined = later(link.joined, decision)
        link.bits |= JOINED
    # The other hears of it in any case: a merge that names it is the end of its standing for itself.
    outbox.seen(other, key, evidence, voice.label_for(key, node, link), joined=decision[0])
    if not alive and decisions.unmerged is not None:
        _tell_parted(other, key, decisions.unmerged, evidence.recorded_at, outbox)
        if not link.bits:
            _forget(key, node, other, link, evidence, outbox)


def hear_join(message: Seen, node: Node, decided_at: int, outbox: Outbox) -> None:
    """Take in that a person has joined a neighbour to the node."""
    decision: Decision = decided_at, message.evidence.id.bytes
    decisions = _decisions(node)
    decisions.merged = later(decisions.merged, decision)
    if decisions.unmerged is not None and decision < decisions.unmerged:
        _tell_parted(message.sender, message.to, decisions.unmerged, message.evidence.recorded_at, outbox)
        if (known := node.links.get(message.sender)) is not None:  # by an event or a later merge: the label still holds
            known.label = from_wire(message.label)
        return
    link = node.links.setdefault(message.sender, Link())
    link.joined = later(link.joined, decision)
    link.bits |= JOINED
    link.label = from_wire(message.label)


def hear_parted(message: Parted, node: Node, outbox: Outbox) -> bool:
    """Take in that a person has parted a neighbour from the node; say whether it was joined."""
    link = node.links.get(message.sender)
    if link is None or link.joined is None:
        return False
    if (micros(message.decided_at), message.evidence.id.bytes) < link.joined:
        return False
    _part(message.to, node, message.sender, link, message.evidence, outbox)
    return True


def _tell_parted(other: str, key: str, decision: Decision, recorded_at: datetime, outbox: Outbox) -> None:
    outbox.parted(other, key, Evidence(UUID(bytes=decision[1]), "unmerge", recorded_at), decision[0])


def _part(key: str, node: Node, other: str, link: Link, evidence: Evidence, outbox: Outbox) -> None:
    link.joined = None
    link.bits &= ~JOINED
    if not link.bits & (VERIFIED | UNVERIFIED):
        _forget(key, node, other, link, evidence, outbox)


def _forget(key: str, node: Node, other: str, link: Link, evidence: Evidence, outbox: Outbox) -> None:
    """Forget a link. The other end may have it by an event, too, of which nobody has told here yet.

    It keeps the label that it was told, and here is not known any more that it has one: so it is taken back.
    """
    del node.links[other]
    if link.said:
        outbox.labelled(other, key, evidence, None)


def _decisions(node: Node) -> Decisions:
    if node.decisions is None:
        node.decisions = Decisions()
    return node.decisions
