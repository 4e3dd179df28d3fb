"""The stage `resolve`: whose profile is it? Events go on with the profile of their strongest identifier.

What takes an order back and names nobody goes on with the profile of whoever bought the order.

It reads the touchpoints and what the nodes of identifiers say to each other; what is remembered are the nodes, each in
the partition of its own key. The order in which it all comes changes nothing in the end.
"""

from collections.abc import Sequence

from pydantic import ValidationError

from schemas import topics
from schemas.catalogue import Catalogue
from schemas.identifier import order_key
from schemas.policy import POLICIES
from schemas.quarantine import QuarantineRecord, reason_of
from schemas.touchpoint import Touchpoint
from streams.core.clock import stamped
from streams.core.identity.graph import Graph
from streams.core.identity.messages import encode
from streams.core.identity.orders import is_order
from streams.core.identity.outbox import Outbox, profile_named
from streams.core.identity.rules import IdentityRules
from streams.core.stage import Output, Record, StageResult, StateReader
from streams.core.trusted import Said, Trust, said_by

_read = Touchpoint.__pydantic_validator__.validate_json
_USUAL = 0  # what a record without `policy` says


class ResolveStage:
    """Reads `touchpath.collected` and `touchpath.identity`; writes `resolved`, `identity` and `profiles`.

    A record that breaks the contract is quarantined.
    """

    name = "resolve"
    input_topic = topics.COLLECTED.name
    also_reads: tuple[str, ...] = (topics.IDENTITY.name,)
    stateful = True

    def __init__(self, catalogue: Catalogue) -> None:
        self._trust = Trust()
        self._rules = IdentityRules(catalogue.identity)
        self._catalogue = catalogue

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:
        """Resolve one batch.

        A trusted touchpoint's own bytes go on unchanged; of one that the contract was asked about goes on what the
        contract understood (blanks stripped, times in UTC), so that all readers behind understand the same.
        """
        outbox = Outbox()
        graph = Graph(self._rules, read, outbox)
        counts = {"resolved": 0, "quarantined": 0}
        for record in records:
            outbox.timestamp = record.timestamp
            try:
                if record.topic == topics.IDENTITY.name:
                    graph.hear(record.value or b"")
                    fate = "heard"
                else:
                    fate = self._resolve(record, graph, outbox)
            except ValidationError as error:
                fate = "quarantined"
                outbox.outputs.append(quarantine(record.topic, partition, record, reason_of(error)))
            counts[fate] = counts.get(fate, 0) + 1
        graph.settle()
        return StageResult(outbox.outputs, dict(graph.state()), counts)

    def _resolve(self, record: Record, graph: Graph, outbox: Outbox) -> str:
        """Send a touchpoint on to its profile; give what became of it.

        Raises:
            ValidationError: it is not a touchpoint; the error says where and why.
        """
        value = record.value or b""
        said = self._trust.said(value)
        if said is None:
            said, value = self._ask(value)
        order = order_key(said.order)
        owner = said.owner
        if owner is None and order is not None and self._catalogue.takes_back(said.touchpoint):
            owner = order
        if owner is None:
            key = f"event:{said.event_id}".encode()
            outbox.outputs.append(
                Output(topics.RESOLVED.name, key, b'{"profile_id":null,"touchpoint":%s}' % value, record.timestamp)
            )
            return "resolved"
        key = owner.encode()
        if key != record.key:  # from a writer that does not know our keys: the node lives elsewhere
            outbox.outputs.append(Output(topics.COLLECTED.name, key, value, record.timestamp))
            return "rerouted"
        home = graph.home(owner, said)
        profile = profile_named(home.named).encode()
        head = b'{"profile_id":"%s","owner":%s' % (profile, encode(owner))
        if home.policy != _USUAL:
            head += b',"policy":"%s"' % POLICIES[home.policy].encode()
        if home.version:
            head += b',"version":%d' % home.version
        outbox.outputs.append(
            Output(topics.RESOLVED.name, profile, b'%s,"touchpoint":%s}' % (head, value), record.timestamp)
        )
        if said.others:
            graph.together(owner, said)
        if order is not None and not is_order(owner):
            graph.ordered(order, owner, said, home)
        return "resolved"

    def _ask(self, value: bytes) -> tuple[Said, bytes]:
        """Let the contract judge; give what the touchpoint says, and the touchpoint as the contract dumps it.

        Raises:
            ValidationError: it is not a touchpoint; the error says where and why.
        """
        touchpoint: Touchpoint = _read(value)
        self._trust.learn(touchpoint)
        # As the doors write it, so that of their records the same bytes go on, trusted or asked about.
        return said_by(touchpoint), touchpoint.model_dump_json(exclude_none=True).encode()


def quarantine(topic: str, partition: int, record: Record, reason: str) -> Output:
    """Give the quarantine record of a record that cannot be read, with the place that it came from."""
    entry = QuarantineRecord.of(
        source=f"topic:{topic}",
        door=f"topic:{topic}/{partition}@{record.offset}",
        reason=reason,
        raw=record.value or b"",
        received_at=stamped(record.timestamp),
    )
    return Output(topics.QUARANTINE.name, entry.source.encode(), entry.model_dump_json().encode(), record.timestamp)
