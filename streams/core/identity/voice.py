"""What a node says when something has changed: to its neighbours, to the profiles of its events, and to the log."""

from schemas.policy import POLICIES
from streams.core.clock import moment
from streams.core.identity.label import Label
from streams.core.identity.messages import Evidence, WriteChange
from streams.core.identity.node import JOINED, Link, Node, Plan
from streams.core.identity.orders import homes_with_orders, moved_mentions
from streams.core.identity.outbox import Outbox, profile_named
from streams.core.identity.plan import Homes, take_over
from streams.core.identity.rules import IdentityRules
from streams.core.identity.stance import is_live, label_of, own_label

#: Causes that take apart what was together.
_UNDOING = frozenset({"unmerge", "block", "guard"})


class Voice:
    """The nodes' voice in one batch."""

    def __init__(self, rules: IdentityRules, outbox: Outbox) -> None:
        self._rules = rules
        self._out = outbox

    def introduce(self, key: str, node: Node, evidence: Evidence, policy: int | None = None) -> Plan:
        """Give a node its plan for a policy that it had none for (None: the usual one), and log where it belongs."""
        policy = self._rules.usual_policy if policy is None else policy
        homes = homes_with_orders(self._rules, key, node, policy)
        plan = node.plans[policy] = Plan(homes)
        for (since, named), (until, _) in zip(homes, [*homes[1:], (None, "")], strict=True):
            self._log(key, policy, 0, "created", evidence, named, since=since, until=until)
        return plan

    def label_for(self, key: str, node: Node, link: Link) -> Label | None:
        """Give the label that the neighbour at that link is to be told now, and note that it is."""
        live = is_live(self._rules, key, node, link)
        link.said = node.label_version if live else 0
        return label_of(self._rules, key, node) if live else None

    def settle(self, key: str, node: Node, evidence: Evidence) -> None:
        """Tell neighbours, profiles and the log what is not any more as it was told."""
        rules = self._rules
        label = label_of(rules, key, node)
        if label != (node.told or own_label(rules, key)):
            node.told = None if label == own_label(rules, key) else label
            node.label_version += 1
        for other, link in node.links.items():
            if rules.is_unique(other) and not link.bits & JOINED:
                continue  # it takes nobody's label but through a join
            said = node.label_version if is_live(rules, key, node, link) else 0
            if link.said != said:
                link.said = said
                self._out.labelled(other, key, evidence, label if said else None)
        for policy, plan in sorted(node.plans.items()):
            homes = homes_with_orders(rules, key, node, policy)
            if homes != plan.homes:
                self._move(key, policy, plan, homes, evidence)
        for order, mention in moved_mentions(node):
            self._out.ordered(order, key, evidence, mention)

    def stopped(self, key: str, node: Node, other: str, guard: str, evidence: Evidence) -> None:
        """Log that a guard has stopped a link."""
        named = (node.told or own_label(self._rules, key)).named
        self._log(key, self._rules.usual_policy, 0, "stopped", evidence, named, guard=guard, other=other)

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

    def _log(
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
