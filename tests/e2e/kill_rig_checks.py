"""What must be true of Kafka's topics when all is at rest, whatever was killed meanwhile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from schemas import topics
from schemas.catalogue import Catalogue
from schemas.resolved import Resolved
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback, LoopRecord
from streams.core.stage import Output
from streams.core.touch import TENANT_SHIFT
from tests.e2e import kill_rig_scratch as scratch
from tests.e2e.kill_rig_expected import touchpoints_in
from tests.properties.identity_reference import IdentityResult
from tests.properties.identity_running import plain, plans
from tests.properties.storing import head_of, kept, live_keys, profiles_in

_REVISION = re.compile(rb'"revision":\d+')
FOLDED = (topics.JOURNEYS, topics.CONVERSIONS, topics.CREDITS, topics.MARKS)


def each_touchpoint_was_resolved_once(held: Loopback, garbage: Collection[bytes] = ()) -> None:
    """For each record that was collected, and can be read, there is one that went on."""
    collected = [record for record in held.records(topics.COLLECTED.name) if record.value not in garbage]
    assert Counter(_ids(collected)) == Counter(str(t.touchpoint.event_id) for _, t in _resolved(held) if t.touchpoint)


def every_message_was_folded_once(held: Loopback, catalogue: Catalogue) -> int:
    """The fold, run in this process over all of its input, gives the committed outputs, each once, and the state.

    It is one of the writers of what it reads: what it has let go arrives there. Revisions are left out: a profile that
    is empty at a batch's end forgets its own, and batches end elsewhere here. Gives the number of sealed chunks.
    """
    fold = FoldStage(catalogue)
    given: Counter[Output] = Counter()
    sealed = 0
    for partition in range(held.partitions):
        outputs, state = scratch.run(fold, partition, held.topics[topics.RESOLVED.name, partition])
        given.update(map(_without_revision, outputs))
        found = held.states[fold.name, partition]
        assert set(found) == live_keys(found)
        assert _remembered(found, catalogue) == _remembered(state, catalogue)
        sealed += sum(b"/" in key for key in state)
    arrivals = {record.value for record, resolved in _resolved(held) if resolved.arrival is not None}
    in_kafka = scratch.written(held, *(topic.name for topic in FOLDED))
    in_kafka += [o for o in scratch.written(held, topics.RESOLVED.name) if o.value in arrivals]
    assert Counter(map(_without_revision, in_kafka)) == given
    return sealed


def nodes_are_those_of_the_reference(held: Loopback, results: Iterable[IdentityResult]) -> None:
    """Whatever the nodes were told, they have come to what the reference says of them."""
    due = {(key, policy): plain(routes) for one in results for (key, policy), routes in one.plans.items()}
    found = {place: plain(routes) for place, routes in plans(held).items()}
    assert found == {place: due[place] for place in found}
    assert {key for key, _ in found} == {key for key, _ in due}


def moves(held: Loopback) -> tuple[int, int]:
    """Count the forwardings and the arrivals."""
    every = [resolved for _, resolved in _resolved(held)]
    return sum(one.forwarding is not None for one in every), sum(one.arrival is not None for one in every)


def _remembered(state: scratch.State, catalogue: Catalogue) -> dict[str, Any]:
    """What the fold knows of each profile; it may give the owners of touchpoints other numbers in other batches."""
    found = {}
    for profile_id in profiles_in(state):
        head = head_of(state, profile_id)
        owners = [head.tenant, *(head.others.tenants if head.others else ())]
        touches = [
            (replace(touch, flags=touch.flags % (1 << TENANT_SHIFT)), owners[touch.flags >> TENANT_SHIFT])
            for touch in kept(state, profile_id, catalogue)
        ]
        moved = head.others.addresses if head.others else []
        addresses = [(replace(address, tenant=0), owners[address.tenant]) for address in moved]
        found[profile_id] = head.progress, head.horizon, touches, addresses
    return found


def _without_revision(output: Output) -> Output:
    return output._replace(value=_REVISION.sub(b'"revision":0', output.value))


def _resolved(held: Loopback) -> list[tuple[LoopRecord, Resolved]]:
    records = held.records(topics.RESOLVED.name)
    return [(record, Resolved.model_validate_json(record.value or b"")) for record in records]


def _ids(collected: Sequence[LoopRecord]) -> list[str]:
    return [event_id for record in collected for event_id in touchpoints_in([record])]
