"""The stage `fold`: one profile's events into journeys, conversions and the ledger of credits.

Reads and writes bytes; all thinking is in `profile`. The state of a profile is its head under `<profile id>` and sealed
chunks under `<profile id>/<number>`, each MessagePack, each written at most once per batch.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec
from pydantic import ValidationError

from schemas import topics
from schemas.catalogue import Catalogue
from schemas.money import MOST_MINOR, minor_digits
from schemas.quarantine import reason_of
from schemas.touchpoint import EARLIEST
from streams.core.clock import micros
from streams.core.emit import Emission
from streams.core.ids import small_hash
from streams.core.moves import check_arrival, check_forwarding
from streams.core.moving import MovingProfile
from streams.core.resolve import quarantine
from streams.core.rules import Rules
from streams.core.stage import Output, Record, StageResult, StateReader
from streams.core.touch import MACHINE, UNVERIFIED, Sale, Touch
from streams.core.touch_log import Chunk
from streams.core.wire import ReadResolved, ReadTouchpoint, encode, read_resolved, why_refused

_decode_chunk = msgspec.msgpack.Decoder(Chunk).decode
#: Which identifier says on what device it was, the best first.
_DEVICES = {"device": 0, "anonymous": 1}
_FIRST_MOMENT = micros(EARLIEST)
_LAST_MOMENT = micros(datetime.max.replace(tzinfo=UTC))


class FoldStage:
    """Reads `touchpath.resolved`, writes `journeys`, `conversions`, `credits` and `marks`, and moves to `resolved`."""

    name = "fold"
    input_topic = topics.RESOLVED.name
    also_reads: tuple[str, ...] = ()
    stateful = True

    def __init__(self, catalogue: Catalogue) -> None:
        self._rules = Rules(catalogue)

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:
        """Fold one batch. The records of one profile are taken one by one, so batch borders change nothing."""
        outputs: list[Output] = []
        counts: dict[str, int] = {}
        profiles: dict[str, MovingProfile] = {}
        for record in records:
            try:
                resolved, touch = self._read(record.value or b"")
            except ValidationError as error:
                counts["quarantined"] = counts.get("quarantined", 0) + 1
                outputs.append(quarantine(self.input_topic, partition, record, reason_of(error)))
                continue
            profile_id = resolved.profile_id
            if profile_id is None:
                counts["unstitched"] = counts.get("unstitched", 0) + 1
                continue
            profile = profiles.get(profile_id)
            if profile is None:
                profile = profiles[profile_id] = _load(profile_id, self._rules, read)
            if touch is None or resolved.touchpoint is None or resolved.reread:
                emissions = _move(profile, resolved, counts)
            else:
                fate, emissions = profile.apply(
                    touch, resolved.touchpoint.received_at, resolved.owner or "", resolved.policy, resolved.version
                )
                counts[fate] = counts.get(fate, 0) + 1
            at = record.timestamp
            for topic, key, emission in emissions:
                outputs.append(Output(topic, key.encode(), encode(emission), at))
        state: dict[bytes, bytes | None] = {}
        for profile in profiles.values():
            if not profile.changed:
                continue
            for name, value in profile.state():
                state[f"{profile.profile_id}{name}".encode()] = value
        counts |= self._rules.troubles
        self._rules.troubles.clear()
        return StageResult(outputs, state, counts)

    def _read(self, value: bytes) -> tuple[ReadResolved, Touch | None]:
        """Read a record, and what the fold keeps of its touchpoint; None: it is a move.

        Raises:
            ValidationError: it breaks the contract.
        """
        try:
            resolved = read_resolved(value)
            if resolved.touchpoint is not None:
                return resolved, to_touch(resolved.touchpoint, self._rules)
            if resolved.forwarding is not None:
                check_forwarding(resolved.forwarding)
            elif resolved.arrival is not None:
                check_arrival(resolved.arrival)
            return resolved, None
        except ValidationError:
            raise
        except (ValueError, ArithmeticError) as error:  # an amount that is none, a currency that nobody knows
            raise why_refused(value, error) from error


def _move(profile: MovingProfile, resolved: ReadResolved, counts: dict[str, int]) -> list[Emission]:
    if resolved.forwarding is not None:
        counts["forwardings"] = counts.get("forwardings", 0) + 1
        return profile.forward(resolved.forwarding)
    if resolved.arrival is None:
        counts["passed_over"] = counts.get("passed_over", 0) + 1
        return []
    fates, emissions = profile.arrive(resolved.arrival)
    for fate, count in fates.items():
        if count:
            counts[fate] = counts.get(fate, 0) + count
    return emissions


def to_touch(touchpoint: ReadTouchpoint, rules: Rules) -> Touch:
    """Keep of a touchpoint what the fold needs.

    Raises:
        ValueError, ArithmeticError: a figure that the contract would not have let through, and that we cannot hold.
    """
    at = micros(touchpoint.occurred_at)
    if not _FIRST_MOMENT <= at <= _LAST_MOMENT:
        raise ValueError("occurred_at lies outside of the possible times")
    order, money = touchpoint.order_id, touchpoint.amount
    machine = MACHINE if touchpoint.body.machine or touchpoint.body.bot else 0
    reading = rules.read(touchpoint, machine)
    rule = reading.rule
    sale: Sale | None = None
    if order is not None or money is not None or rule.conversion is not None:
        currency = money.currency if money else None
        minor = int(money.amount.scaleb(minor_digits(money.currency))) if money else None
        if minor is not None and abs(minor) > MOST_MINOR:
            raise ValueError("the amount has too many digits")
        if reading.worth is not None:
            minor, currency = reading.worth
        sale = Sale(order, minor, currency, touchpoint.source, conversion=reading.conversion)
    return Touch(
        at,
        touchpoint.event_id.bytes,
        touchpoint.touchpoint,
        touchpoint.channel,
        touchpoint.campaign.name if touchpoint.campaign else None,
        _device(touchpoint) if rule.visit else 0,
        (0 if touchpoint.verified else UNVERIFIED) | machine | reading.flags,
        sale,
    )


def _device(touchpoint: ReadTouchpoint) -> int:
    found: str | None = None
    rank = len(_DEVICES)
    for identifier in touchpoint.identifiers:
        other = _DEVICES.get(identifier.kind)
        if other is not None and (other < rank or (other == rank and identifier.value < (found or ""))):
            found, rank = identifier.value, other
    return small_hash(found) if found is not None else 0


def _load(profile_id: str, rules: Rules, read: StateReader) -> MovingProfile:
    read_chunk: Callable[[int], Chunk] = partial(_read_chunk, profile_id, read)
    return MovingProfile(profile_id, read(profile_id.encode()), rules, read_chunk)


def _read_chunk(profile_id: str, read: StateReader, number: int) -> Chunk:
    stored = read(f"{profile_id}/{number}".encode())
    if stored is None:
        raise LookupError(f"the state of profile {profile_id} has no chunk {number}")
    return _decode_chunk(stored)
