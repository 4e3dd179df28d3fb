"""Whose an order is: what takes an order back and names nobody belongs to whoever bought the order.

A return at a till names its receipt, and often no customer. So whoever is named beside an order tells the order's node:
a mention. From its first event of its own on the order follows the mentions, to hear when one of them is in another
profile. All that count must be in one profile, or the order stays by itself: those of the best rank count, of each
identifier the earliest. This joins nobody: a number that two shops give out makes no one person of two, and a
customer's node keeps no list of orders, but of those that follow.
"""

from collections.abc import Iterator

from streams.core.identity.label import kind_of
from streams.core.identity.node import Mention, Node, Orders
from streams.core.identity.plan import Homes, home_at
from streams.core.identity.rules import IdentityRules
from streams.core.identity.stance import blocked_by, homes_of, is_made

#: An order that more identifiers are named beside is no order but a word that many use.
MOST_BUYERS = 8


def rank_of(*, verified: bool, priced: bool) -> int:
    """Give the rank of a mention, the least is the best: what a trusted source says, and says with an amount."""
    return (0 if verified else 2) + (0 if priced else 1)


def said_in(rank: int) -> tuple[bool, bool]:
    """Give what a rank says: verified, priced."""
    return rank < 2, rank % 2 == 0


def is_order(key: str) -> bool:
    """Say whether an identifier is an order. An order buys nothing."""
    return kind_of(key) == "order"


def take_mention(node: Node, who: str, mention: Mention) -> bool:
    """Take in that `who` was named beside the order; say whether anything has changed."""
    buyers = _orders(node).buyers
    known = buyers.get(who)
    if known is not None and (known == mention or _place(known) < _place(mention)):
        return False
    if known is None or known.rank != mention.rank:
        alike = sum(1 for other in buyers.values() if other.rank == mention.rank)
        if alike > MOST_BUYERS:
            return False
    buyers[who] = mention
    return True


def follow(node: Node, order: str, mention: Mention) -> None:
    """Take in that an order wants to hear of where the node was named beside it."""
    _orders(node).followers[order] = mention


def counting(node: Node) -> Iterator[tuple[str, Mention]]:
    """Give who is named beside an order, with the mentions: those of the best rank that there is."""
    if node.orders is None:
        return
    best = min((mention.rank for mention in node.orders.buyers.values()), default=0)
    for who, mention in node.orders.buyers.items():
        if mention.rank == best:
            yield who, mention


def moved_mentions(node: Node) -> Iterator[tuple[str, Mention]]:
    """Give the orders that follow a mention which is not any more where they were told, with where it is now."""
    if node.orders is None:
        return
    for order, mention in node.orders.followers.items():
        named = home_at(node.plans[mention.policy].homes, mention.at)
        if named != mention.named:
            mention.named = named
            yield order, mention


def homes_with_orders(rules: IdentityRules, key: str, node: Node, policy: int) -> Homes:
    """Give whose the node's events are, from which moment on; those of an order that stands alone are its buyer's."""
    if node.orders is not None and not node.links:
        buyer = _buyer(node)
        if buyer is not None and blocked_by(rules, key, node) is None and not is_made(rules, key, node):
            return [(None, buyer)]
    return homes_of(rules, key, node, policy)


def _buyer(node: Node) -> str | None:
    """Give who names the profile that has all mentions of the order that count; None: nobody, or several."""
    mentions = [mention for _, mention in counting(node)]
    if len(mentions) > MOST_BUYERS:
        return None
    named = {mention.named for mention in mentions}
    return named.pop() if len(named) == 1 else None


def _place(mention: Mention) -> tuple[int, int, int]:
    return mention.rank, mention.at, mention.policy


def _orders(node: Node) -> Orders:
    if node.orders is None:
        node.orders = Orders()
    return node.orders
