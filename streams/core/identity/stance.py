"""What a node stands for, from what it knows: is it blocked, whose is it, and whose are its events at which time."""

from schemas.policy import POLICIES
from streams.core.identity.label import UNANCHORED, Label, extended, order_of
from streams.core.identity.node import (
    JOINED,
    OVER_CAP,
    OVER_UNVERIFIED_CAP,
    UNVERIFIED,
    VERIFIED,
    Decision,
    Link,
    Node,
)
from streams.core.identity.plan import Homes
from streams.core.identity.rules import UNVERIFIED_WEIGHT, IdentityRules
from streams.core.identity.sightings import homes_by_time


def later(one: Decision | None, other: Decision | None) -> Decision | None:
    """Give the later of two decisions, of which each may be missing; one that is sent again is as old as it was."""
    if one is None or other is None:
        return one or other
    return min(one, other) if one[1] == other[1] else max(one, other)


def weight_of(link: Link) -> int:
    """Give the length of a link: what a person has joined is one, what a public key says is far."""
    if link.bits & JOINED:
        return 0
    return 1 if link.bits & VERIFIED else UNVERIFIED_WEIGHT


def own_label(rules: IdentityRules, key: str) -> Label:
    """Give the label of an identifier that nobody was seen with."""
    return Label(key, 0 if rules.is_unique(key) else UNANCHORED)


def blocked_by(rules: IdentityRules, key: str, node: Node) -> str | None:
    """Give the guard that keeps the node from joining anybody: `blocked`, `block_list`, `cap`; None: it may."""
    decisions = node.decisions
    if decisions is not None and (decisions.blocked or decisions.opened):
        return "blocked" if later(decisions.blocked, decisions.opened) == decisions.blocked else None
    if key in rules.block_list:
        return "block_list"
    return "cap" if node.bits & OVER_CAP else None


def stopped_by(rules: IdentityRules, key: str, node: Node) -> str | None:
    """Give the guard that keeps events from joining others to the node; None: nothing does."""
    return blocked_by(rules, key, node) or ("decided" if is_made(rules, key, node) else None)


def is_live(rules: IdentityRules, key: str, node: Node, link: Link) -> bool:
    """Say whether the link counts, as far as this end goes."""
    if blocked_by(rules, key, node) is not None:
        return False
    if link.bits & (JOINED | VERIFIED):
        return True
    return bool(link.bits & UNVERIFIED and not node.bits & OVER_UNVERIFIED_CAP)


def is_made(rules: IdentityRules, key: str, node: Node) -> bool:
    """Say whether a person has decided that it stands for itself."""
    decisions = node.decisions
    if decisions is None or decisions.unmerged is None or rules.is_unique(key):
        return False
    return decisions.merged is None or decisions.merged < decisions.unmerged


def label_of(rules: IdentityRules, key: str, node: Node) -> Label:
    """Give the best label that the node can have from what its neighbours said."""
    own = own_label(rules, key)
    if blocked_by(rules, key, node) is not None:
        return own
    unique = rules.is_unique(key)
    best = Label(key, 0, made=True) if is_made(rules, key, node) else own
    best_order = order_of(best)
    for link in node.links.values():
        if link.label is None or (unique and not link.bits & JOINED) or not is_live(rules, key, node, link):
            continue
        label = extended(link.label, weight_of(link), key, rules.max_hops)
        if label is not None and (order := order_of(label)) < best_order:
            best, best_order = label, order
    return best


def homes_of(rules: IdentityRules, key: str, node: Node, policy: int) -> Homes:
    """Give whose the node's events are under a policy, from which moment on."""
    named = _sharing(rules, key, node)
    if named is not None:
        if POLICIES[policy] == "device_only":
            return [(None, key)]
        strong = any(weight_of(node.links[other]) == 1 for other in named)
        seen = node.sightings if strong else node.unverified_sightings
        homes = homes_by_time(seen, named, key if POLICIES[policy] == "split_at_login" else None)
        if homes:
            return homes
    return [(None, label_of(rules, key, node).named)]


def _sharing(rules: IdentityRules, key: str, node: Node) -> dict[str, str] | None:
    """Give the customers who share the node, each with who names its profile; None: it is not shared."""
    if len(node.links) <= 1 or rules.is_unique(key) or is_made(rules, key, node):
        return None
    found: dict[str, str] = {}
    least = UNVERIFIED_WEIGHT + 1
    for other, link in node.links.items():
        if link.label is None or not is_live(rules, key, node, link):
            continue
        if link.bits & JOINED:
            return None
        if not rules.is_unique(other):
            continue
        weight = weight_of(link)
        if weight < least:
            least, found = weight, {}
        if weight == least:
            found[other] = link.label.named
    return found if len(set(found.values())) > 1 else None
