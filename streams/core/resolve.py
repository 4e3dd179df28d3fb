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

#: A producer may write any number as a record's timestamp; the calendar ends with this one, in milliseconds.
_LAST_TIMESTAMP = 253_402_300_799_000
_read = Touchpoint.__pydantic_validator__.validate_json


class ResolveStage:
    """Reads `touchpath.collected`, writes `touchpath.resolved`. A record that breaks the contract is quarantined."""

    name = "resolve"
    input_topic = topics.COLLECTED.name
    also_reads: tuple[str, ...] = ()
    stateful = False

    def __init__(self) -> None:
        self._trust = Trust()

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:  # noqa: ARG002
        """Resolve one batch.

        A trusted touchpoint's own bytes go on unchanged; of one that the contract was asked about goes on what the
        contract understood (blanks stripped, times in UTC), so that all readers behind understand the same.
        """
        outputs: list[Output] = []
        quarantined = 0
        for record in records:
            value = record.value or b""
            known = self._trust.strongest(value)
            if known is None:
                try:
                    known, value = self._ask(value)
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

    def _ask(self, value: bytes) -> tuple[tuple[UUID, str | None], bytes]:
        """Let the contract judge; give event id and strongest identifier, and the touchpoint as the contract dumps it.

        Raises:
            ValidationError: it is not a touchpoint; the error says where and why.
        """
        touchpoint: Touchpoint = _read(value)
        self._trust.learn(touchpoint)
        identifier = strongest(touchpoint.identifiers)
        known = touchpoint.event_id, identifier.key if identifier else None
        # As the doors write it, so that of their records the same bytes go on, trusted or asked about.
        return known, touchpoint.model_dump_json(exclude_none=True).encode()


def quarantine(topic: str, partition: int, record: Record, reason: str) -> Output:
    """Give the quarantine record of a record that cannot be read, with the place that it came from."""
    entry = QuarantineRecord.of(
        source=f"topic:{topic}",
        door=f"topic:{topic}/{partition}@{record.offset}",
        reason=reason,
        raw=record.value or b"",
        received_at=datetime.fromtimestamp(min(max(record.timestamp, 0), _LAST_TIMESTAMP) / 1000, UTC),
    )
    return Output(topics.QUARANTINE.name, entry.source.encode(), entry.model_dump_json().encode(), record.timestamp)
