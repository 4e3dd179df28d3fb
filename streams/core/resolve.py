"""The stage `resolve`: whose profile is it? Today the strongest identifier names the profile; nothing is remembered."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from schemas import topics
from schemas.identifier import strongest
from schemas.quarantine import QuarantineRecord, reason_of
from schemas.touchpoint import Touchpoint
from streams.core.ids import derived
from streams.core.stage import Output, Record, StageResult, StateReader
from streams.core.trusted import Trust

_read = Touchpoint.__pydantic_validator__.validate_json


class ResolveStage:
    """Reads `touchpath.collected`, writes `touchpath.resolved`. A record that breaks the contract is quarantined."""

    name = "resolve"
    input_topic = topics.COLLECTED.name
    stateful = False

    def __init__(self) -> None:
        self._trust = Trust()

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:  # noqa: ARG002
        """Resolve one batch. The touchpoint's own bytes go on unchanged, so that nothing of it can be lost."""
        outputs: list[Output] = []
        quarantined = 0
        for record in records:
            value = record.value or b""
            known = self._trust.strongest(value)
            if known is None:
                try:
                    known = self._ask(value)
                except ValidationError as error:
                    quarantined += 1
                    outputs.append(quarantine(self.input_topic, partition, record, reason_of(error)))
                    continue
            event_id, identifier = known
            if identifier is None:
                key, profile = f"event:{event_id}".encode(), b"null"
            else:
                key = derived("profile", identifier).encode()
                profile = b'"%s"' % key
            resolved = b'{"profile_id":%s,"touchpoint":%s}' % (profile, value)
            outputs.append(Output(topics.RESOLVED.name, key, resolved, record.timestamp))
        return StageResult(outputs, {}, {"resolved": len(records) - quarantined, "quarantined": quarantined})

    def _ask(self, value: bytes) -> tuple[UUID, str | None]:
        """Let the contract judge.

        Raises:
            ValidationError: it is not a touchpoint; the error says where and why.
        """
        touchpoint: Touchpoint = _read(value)
        self._trust.learn(touchpoint)
        identifier = strongest(touchpoint.identifiers)
        return touchpoint.event_id, identifier.key if identifier else None


def quarantine(topic: str, partition: int, record: Record, reason: str) -> Output:
    """Give the quarantine record of a record that cannot be read, with the place that it came from."""
    entry = QuarantineRecord.of(
        source=f"topic:{topic}",
        door=f"topic:{topic}/{partition}@{record.offset}",
        reason=reason,
        raw=record.value or b"",
        received_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )
    return Output(topics.QUARANTINE.name, entry.source.encode(), entry.model_dump_json().encode(), record.timestamp)
