"""The stage `fold`: one profile's events into journeys, conversions and the ledger of credits.

Reads and writes bytes; all thinking is in `profile`. The state of a profile is its head under `<profile id>`, sealed
chunks under `<profile id>/<number>` and bookings of conversions under `<profile id>/c<event id in hex>`. Beside them
stand the published models that are in force, under `models`, and each catalogue that a profile was folded by, as JSON
under `catalogue/<digest in hex>`. All else is MessagePack. Each is written at most once per batch.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec
from pydantic import ValidationError

from schemas import topics
from schemas.catalogue import Catalogue
from schemas.catalogue_digest import catalogue_from, edition_of, text_of
from schemas.money import MOST_MINOR, minor_digits
from schemas.quarantine import reason_of
from schemas.touchpoint import EARLIEST
from streams.core.attribution.book import Book
from streams.core.attribution.in_force import InForce, book_of, restored, stored, told
from streams.core.clock import micros, moment, stamped
from streams.core.emit import Emission
from streams.core.erasing import recorded_on
from streams.core.ids import small_hash
from streams.core.moves import check_arrival, check_forwarding, check_moments
from streams.core.renewal import RenewingProfile, rules_of_then
from streams.core.resolve import quarantine
from streams.core.rules import Rules
from streams.core.stage import Output, Record, StageResult, StateReader
from streams.core.touch import MACHINE, UNVERIFIED, Sale, Touch
from streams.core.touch_log import Chunk
from streams.core.wire import ReadResolved, ReadTouchpoint, encode, read_resolved, why_refused

_decode_chunk = msgspec.msgpack.Decoder(Chunk).decode
#: Which identifier says on what device it was, the best first.
_DEVICES = {"device": 0, "anonymous": 1}
#: Where the lane's state has the models in force.
MODELS = b"models"
_FIRST_MOMENT = micros(EARLIEST)
_LAST_MOMENT = micros(datetime.max.replace(tzinfo=UTC))
#: A profile that looks again at its conversions has that much work of it, in things said, also where it says nothing.
_A_LOOK = 32


class FoldStage:
    """Reads `touchpath.resolved`, writes `journeys`, `conversions`, `credits` and `marks`, and moves to `resolved`.

    It reads `touchpath.models` too, of which every partition has all models. Whether a conversion is booked before or
    after a model is heard of makes no difference in the end, as revisits follow each publication.
    """

    name = "fold"
    input_topic = topics.RESOLVED.name
    also_reads: tuple[str, ...] = (topics.MODELS.name,)
    stateful = True

    def __init__(self, catalogue: Catalogue, most_at_once: int | None = None) -> None:
        """Make the stage. A batch ends once it has said `most_at_once` things, and what is left comes with the next.

        A touchpoint says a few, while a profile that looks again may say all its conversions anew: of many such records
        one batch would take minutes, in which other lanes' transactions run out of time.
        """
        self._most_at_once = most_at_once
        self._rules = Rules(catalogue)
        self.edition = edition_of(catalogue)
        """Tells workers of one catalogue from those of another."""
        self._text = text_of(catalogue).encode()
        self._elders: dict[bytes, Rules] = {}
        self._lanes: dict[int, _Lane] = {}

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:
        """Fold one batch. The records of one profile are taken one by one, so batch borders change nothing.

        But for touchpoints that are read again: those of a profile that stand together are taken at once, as each of
        them alone would restate the same conversions. In the end that makes no difference.
        """
        outputs: list[Output] = []
        counts: Counter[str] = Counter()
        profiles: dict[str, RenewingProfile] = {}
        rereads: dict[str, _Rereads] = {}

        def write(emissions: Iterable[Emission], at: int) -> None:
            outputs.extend(Output(topic, key.encode(), encode(emission), at) for topic, key, emission in emissions)

        lane = self._lane(partition, read(MODELS))
        most, taken = self._most_at_once, None
        for place, record in enumerate(records):
            if most is not None and len(outputs) + _A_LOOK * (counts["revisited"] + len(rereads)) >= most:
                taken = place
                break
            try:
                if record.topic == topics.MODELS.name:
                    lane = self._hear(record, lane, counts)
                    for known in profiles.values():
                        known.use(lane.book)
                    continue
                resolved, touch = self._read(record.value or b"")
            except ValidationError as error:
                counts["quarantined"] += 1
                outputs.append(quarantine(record.topic, partition, record, reason_of(error)))
                continue
            profile_id = resolved.profile_id
            if profile_id is None:
                counts["unstitched"] += 1
                continue
            profile = profiles.get(profile_id)
            if profile is None:
                profile = profiles[profile_id] = _load(profile_id, self._rules, lane.book, read)
                if not profile.is_renewed:
                    counts["renewed"] += 1
                    write(self._renew(profile, _recorded_at(resolved, record), read), record.timestamp)
                    if resolved.revisit is not None:  # it has just looked at all of itself, with the book of today
                        counts["revisited"] += 1
                        continue
            if touch is not None and resolved.reread:
                rereads.setdefault(profile_id, _Rereads()).add(touch, resolved, record)
                continue
            if rereads and (waiting := rereads.pop(profile_id, None)) is not None:
                write(waiting.told(profile, counts), waiting.timestamp)
            write(_told(profile, resolved, touch, counts), record.timestamp)
        for profile_id, waiting in rereads.items():
            write(waiting.told(profiles[profile_id], counts), waiting.timestamp)
        state = self._state(partition, lane, profiles, read)
        counts.update(self._rules.troubles)
        self._rules.troubles.clear()
        return StageResult(outputs, state, counts, taken)

    def _state(
        self, partition: int, lane: "_Lane", profiles: Mapping[str, RenewingProfile], read: StateReader
    ) -> dict[bytes, bytes | None]:
        """Give what a batch leaves."""
        state: dict[bytes, bytes | None] = {}
        if lane is not self._lanes.get(partition):
            self._lanes[partition] = lane
            state[MODELS] = lane.stored
        for profile in profiles.values():
            if profile.changed:
                for name, value in profile.state():
                    state[f"{profile.profile_id}{name}".encode()] = value
        if state and read(catalogue_key(self._rules.digest)) is None:
            state[catalogue_key(self._rules.digest)] = self._text
        return state

    def _renew(self, profile: RenewingProfile, recorded_at: datetime, read: StateReader) -> list[Emission]:
        """Bring a profile under the catalogue of today."""
        old = self._elders.get(profile.digest)
        if old is None:
            text = read(catalogue_key(profile.digest))
            if text is None:
                raise LookupError(f"the state of profile {profile.profile_id} is of a catalogue that nobody has kept")
            old = self._elders[profile.digest] = rules_of_then(catalogue_from(text))
        return profile.renew(old, recorded_at)

    def _lane(self, partition: int, models: bytes | None) -> "_Lane":
        """Give what is in force in a partition. The state decides: another worker may have had it in between."""
        known = self._lanes.get(partition)
        if known is None or known.stored != models:
            known = self._lanes[partition] = _Lane(restored(models), models, self._rules)
        return known

    def _hear(self, record: Record, lane: "_Lane", counts: Counter[str]) -> "_Lane":
        """Take in a published model.

        Raises:
            ValidationError: it breaks the contract.
        """
        models = told(lane.models, (record.key or b"").decode("utf-8", "replace"), record.value)
        counts["models"] += 1
        counts.update(f"model_name_taken.{model.name}" for model in self._rules.models if model.name in models)
        return lane if models == lane.models else _Lane(models, stored(models), self._rules)

    def _read(self, value: bytes) -> tuple[ReadResolved, Touch | None]:
        """Read a record, and what the fold keeps of its touchpoint; None: it is of another kind.

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
            elif resolved.revisit is not None:
                check_moments(resolved.revisit.recorded_at)
            elif resolved.erasure is not None:
                check_moments(resolved.erasure.recorded_at)
            return resolved, None
        except ValidationError:
            raise
        except (ValueError, ArithmeticError) as error:  # an amount that is none, a currency that nobody knows
            raise why_refused(value, error) from error


class _Lane:
    """The published models that are in force in one partition, as they are stored, and the book with them."""

    def __init__(self, models: InForce, stored_as: bytes | None, rules: Rules) -> None:
        self.models = models
        self.stored = stored_as
        self.book = book_of(rules.models, models)


class _Rereads:
    """Touchpoints of one profile that are to be read again."""

    def __init__(self) -> None:
        self._touches: list[tuple[Touch, str]] = []
        self.timestamp = 0

    def add(self, touch: Touch, resolved: ReadResolved, record: Record) -> None:
        """Add the touchpoint of a record, as it is read today."""
        self._touches.append((touch, resolved.touchpoint.source if resolved.touchpoint else ""))
        self.timestamp = max(self.timestamp, record.timestamp)

    def told(self, profile: RenewingProfile, counts: Counter[str]) -> list[Emission]:
        """Let the profile read them, and give what that changes."""
        differ, emissions = profile.reread(self._touches, stamped(self.timestamp))
        counts["reread"] += len(self._touches)
        if differ:
            counts["reread_otherwise"] += differ
        return emissions


def _recorded_at(resolved: ReadResolved, record: Record) -> datetime:
    """Say when it was recorded what a profile is told; of what is read again and was received long ago, the record."""
    if resolved.touchpoint is not None:
        return stamped(record.timestamp) if resolved.reread else resolved.touchpoint.received_at
    if resolved.erasure is not None:
        return recorded_on(micros(resolved.erasure.recorded_at))
    for part in (resolved.forwarding, resolved.arrival, resolved.revisit):
        if part is not None:
            return moment(micros(part.recorded_at))
    return stamped(record.timestamp)


def _told(
    profile: RenewingProfile, resolved: ReadResolved, touch: Touch | None, counts: Counter[str]
) -> list[Emission]:
    """Tell a profile what a record says, and give what that changes."""
    emissions: list[Emission]
    if touch is not None and resolved.touchpoint is not None and not resolved.reread:
        fate, emissions = profile.apply(
            touch, resolved.touchpoint.received_at, resolved.owner or "", resolved.policy, resolved.version
        )
        counts[fate] += 1
    elif resolved.forwarding is not None:
        counts["forwardings"] += 1
        emissions = profile.forward(resolved.forwarding)
    elif resolved.arrival is not None:
        fates, emissions = profile.arrive(resolved.arrival)
        counts.update({fate: count for fate, count in fates.items() if count})
    elif resolved.revisit is not None:
        counts["revisited"] += 1
        emissions = profile.look_again(resolved.revisit.cause, resolved.revisit.recorded_at)
    elif resolved.erasure is not None:
        counts["erasures"] += 1
        emissions = profile.erase(resolved.erasure)
    else:
        counts["passed_over"] += 1
        emissions = []
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
        _device(touchpoint),  # also of what is no visit: another catalogue may call it one
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


def catalogue_key(digest: bytes) -> bytes:
    """Give the key under which a lane's state has a catalogue."""
    return b"catalogue/%s" % digest.hex().encode()


def _load(profile_id: str, rules: Rules, book: Book, read: StateReader) -> RenewingProfile:
    read_chunk: Callable[[int], Chunk] = partial(_read_chunk, profile_id, read)
    read_booking: Callable[[bytes], bytes | None] = partial(_read_booking, profile_id, read)
    return RenewingProfile(profile_id, read(profile_id.encode()), rules, book, read_chunk, read_booking)


def _read_booking(profile_id: str, read: StateReader, event_id: bytes) -> bytes | None:
    return read(f"{profile_id}/c{event_id.hex()}".encode())


def _read_chunk(profile_id: str, read: StateReader, number: int) -> Chunk:
    stored = read(f"{profile_id}/{number}".encode())
    if stored is None:
        raise LookupError(f"the state of profile {profile_id} has no chunk {number}")
    return _decode_chunk(stored)
