"""Helpers of the properties of moves: owners whose plans change, their messages on several partitions, folded.

An owner's node writes touchpoints to the profile that its plan names, and forwardings where the plan changes. The
partitions take their records in batches of any size and write arrivals to each other, in any interleaving: what is kept
is only that a node's messages stay in order, and that a record is read after it has been written.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Literal
from uuid import UUID

from schemas.base import profile_id
from schemas.catalogue import Catalogue
from schemas.moves import Forwarding, Route
from schemas.policy import Policy
from schemas.resolved import Resolved
from schemas.topics import RESOLVED
from schemas.touchpoint import Touchpoint
from streams.core.fold import FoldStage
from streams.core.stage import Output
from tests.properties.folding import ARRIVAL, ARecord
from tests.properties.storing import Store

EVIDENCE = UUID(int=4711)


@dataclass(frozen=True)
class Tell:
    """The node sends a touchpoint, for the first time or again."""

    event: Touchpoint
    policy: Policy = "last_known"


@dataclass(frozen=True)
class Plan:
    """The node's plan changes: the homes of the times between `borders`; one home more than borders."""

    homes: tuple[UUID, ...]
    borders: tuple[datetime, ...] = ()
    policy: Policy = "last_known"
    cause: Literal["merge", "unmerge"] = "merge"
    whole: bool = False
    """Say in each forwarding where all times belong, not only those that have moved."""

    def ranges(self) -> list[tuple[datetime | None, datetime | None, UUID]]:
        ends = [None, *self.borders, None]
        return [(since, until, home) for (since, until), home in zip(pairwise(ends), self.homes, strict=True)]

    def home(self, at: datetime) -> UUID:
        return next(home for since, until, home in self.ranges() if _in(at, since, until))


def _in(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since <= at) and (until is None or at < until)


Step = Tell | Plan


@dataclass
class Node:
    """An owner and what it has said so far."""

    owner: str
    plans: dict[Policy, Plan] = field(default_factory=dict)
    versions: dict[Policy, int] = field(default_factory=dict)
    targets: dict[Policy, set[UUID]] = field(default_factory=dict)
    keep_final: bool = True

    def plan(self, policy: Policy) -> Plan:
        return self.plans.get(policy) or Plan((profile_id(self.owner),), policy=policy)

    def step(self, step: Step) -> list[Resolved]:
        version = self.versions.get(step.policy, 0)
        if isinstance(step, Tell):
            home = self.plan(step.policy).home(step.event.occurred_at)
            return [
                Resolved(profile_id=home, owner=self.owner, policy=step.policy, version=version, touchpoint=step.event)
            ]
        old, targets = self.plan(step.policy), self.targets.setdefault(step.policy, set())
        self.plans[step.policy], self.versions[step.policy] = step, version + 1
        found = []
        for profile in dict.fromkeys(old.homes):
            routes = _routes(profile, old, step)
            if not routes:
                continue
            forwarding = Forwarding(
                owner=self.owner,
                policy=step.policy,
                version=version + 1,
                cause=step.cause,
                evidence=EVIDENCE,
                recorded_at=ARRIVAL,
                routes=tuple(routes),
                final=self.keep_final and profile not in targets,  # only this node has ever sent there
            )
            found.append(Resolved(profile_id=profile, forwarding=forwarding))
        for resolved in found:
            assert resolved.forwarding is not None
            targets |= {route.profile_id for route in resolved.forwarding.routes}
        return found


def _routes(profile: UUID, old: Plan, new: Plan) -> list[Route]:
    """Where the times that the profile had belong now, if not there."""
    borders = sorted({*old.borders, *new.borders})
    ends = [None, *borders, None]
    moved, everything = [], []
    for since, until in pairwise(ends):
        inside = since if since is not None else (borders[0].replace(year=1990) if borders else ARRIVAL)
        route = Route(since=since, until=until, profile_id=new.home(inside))
        everything.append(route)
        if old.home(inside) == profile != route.profile_id:
            moved.append(route)
    return everything if moved and new.whole else moved


class World:
    """Profiles on some partitions, each a log of records with a reader that is somewhere in it."""

    def __init__(self, partitions: int, catalogue: Catalogue) -> None:
        self.fold = FoldStage(catalogue)
        self.stores: list[Store] = [{} for _ in range(partitions)]
        self.logs: list[list[Output]] = [[] for _ in range(partitions)]
        self.read = [0] * partitions
        self.outputs: list[Output] = []
        self.counts: dict[str, int] = {}

    def write(self, messages: Sequence[Resolved]) -> None:
        for message in messages:
            value = message.model_dump_json().encode()
            self._append(Output(RESOLVED.name, str(message.profile_id).encode(), value, 1_700_000_000_000))

    def partition(self, key: bytes) -> int:
        return sum(key) % len(self.logs)

    def _append(self, output: Output) -> None:
        self.logs[self.partition(output.key)].append(output)

    def behind(self) -> list[int]:
        return [n for n, log in enumerate(self.logs) if self.read[n] < len(log)]

    def batch(self, partition: int, most: int) -> None:
        """Fold the next records of a partition."""
        begin = self.read[partition]
        taken = self.logs[partition][begin : begin + most]
        self.read[partition] += len(taken)
        records = [ARecord(n, o.key, o.value, o.timestamp) for n, o in enumerate(taken, start=begin)]
        store = self.stores[partition]
        result = self.fold.process(partition, records, store.get)
        for key, value in result.state.items():
            if value is None:
                assert key in store, f"removes {key!r}, which was never written"
                del store[key]
            else:
                store[key] = value
        for name, count in result.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        for output in result.outputs:
            assert output.topic != "touchpath.quarantine", output.value
            if output.topic == RESOLVED.name:
                self._append(output)
            else:
                self.outputs.append(output)

    def drain(self, chance: random.Random | None = None) -> None:
        """Fold until nothing is under way."""
        while behind := self.behind():
            if chance is None:
                self.batch(behind[0], 1)
            else:
                self.batch(chance.choice(behind), chance.randint(1, 4))


def play(
    scripts: dict[str, list[Step]], partitions: int, catalogue: Catalogue, chance: random.Random
) -> tuple[World, dict[str, Node]]:
    """Let every owner go through its script, and the partitions read, in a drawn interleaving; then drain."""
    world = World(partitions, catalogue)
    nodes = {owner: Node(owner, keep_final=chance.random() < 0.5) for owner in scripts}
    left = {owner: list(script) for owner, script in scripts.items()}
    eager = chance.choice([0.2, 0.5, 0.8])
    while ready := [owner for owner, script in left.items() if script]:
        behind = world.behind()
        if behind and chance.random() < eager:
            world.batch(chance.choice(behind), chance.randint(1, 4))
        else:
            owner = chance.choice(ready)
            world.write(nodes[owner].step(left[owner].pop(0)))
    world.drain(chance)
    return world, nodes


def homes(scripts: dict[str, list[Step]], nodes: dict[str, Node]) -> dict[str, list[Touchpoint]]:
    """The events of each profile, as the owners' last plans say."""
    found: dict[str, list[Touchpoint]] = {}
    for owner, script in scripts.items():
        for step in script:
            if isinstance(step, Tell):
                home = nodes[owner].plan(step.policy).home(step.event.occurred_at)
                found.setdefault(str(home), []).append(step.event)
    return found
