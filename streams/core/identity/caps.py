"""Caps: an identifier that was seen with too many others is no person's. A function of the set of its links."""

from collections.abc import Iterator

from streams.core.identity.node import OVER_CAP, OVER_UNVERIFIED_CAP, UNVERIFIED, VERIFIED, Node
from streams.core.identity.rules import IdentityRules


def has_room(node: Node, bit: int) -> bool:
    """Say whether a new link is still remembered: over a cap it cannot change anything any more."""
    return not node.bits & (OVER_CAP if bit == VERIFIED else OVER_CAP | OVER_UNVERIFIED_CAP)


def cap_over(node: Node) -> str:
    """Give the name of the cap that the node is over."""
    return "cap" if node.bits & OVER_CAP else "unverified_cap"


def exceed(rules: IdentityRules, key: str, node: Node) -> Iterator[str]:
    """Count the links that events have said; mark the node where they are too many, and name each cap passed now."""
    cap = rules.cap(key)
    if len(node.links) <= min(cap.links, cap.customers) or node.bits & OVER_CAP:
        return
    for bits, over, name in (
        (VERIFIED, OVER_CAP, "cap"),
        (VERIFIED | UNVERIFIED, OVER_UNVERIFIED_CAP, "unverified_cap"),
    ):
        linked = [neighbour for neighbour, link in node.links.items() if link.bits & bits]
        unique = sum(map(rules.is_unique, linked))
        if (len(linked) > cap.links or unique > cap.customers) and not node.bits & over:
            node.bits |= over
            yield name
