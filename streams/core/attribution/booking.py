"""What was booked of a conversion, kept so that it can be taken back as it was said, whatever the rules are by then.

A ledger that worked out anew what it once booked would need the catalogue, the fit, the users' models and the program
of that day. Here a reversal is the negative of what stands in the booking.
"""

from collections.abc import Callable, Iterator

import msgspec

from streams.core.attribution.allocation import Line, Share
from streams.core.attribution.facts import Facts
from streams.core.ids import id_text
from streams.core.touch import NO_CONSENT, OPENS_VISIT, UNVERIFIED, Touch

UNATTRIBUTED, WITHHELD = -1, -2
_LINES: dict[int, Line] = {UNATTRIBUTED: "unattributed", WITHHELD: "withheld"}
_PLACES = {line: place for place, line in _LINES.items()}
#: What a model may look at.
_SEEN = OPENS_VISIT | NO_CONSENT | UNVERIFIED


class Step(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A touch of the path as it was said. `flags` are those that a model may look at."""

    id: bytes
    at: int
    name: str
    channel: str
    campaign: str | None
    flags: int


class Part(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one place of the path got: credit in billionths and value in minor units. A place below 0 is no touch."""

    place: int
    credit: int
    value: int


class Shares(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one model gave. `fit` is the one by which these entries were written, None for a model without."""

    model: str
    fit: str | None
    parts: list[Part]


class Booking(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A conversion as its record and the ledger say it. `edition` is that of the book it was split by.

    `fits` are the fits of the published models of that book, by name, whether they changed a share or not.
    """

    conversion: str
    closing: bool
    journey: str
    net: int
    gross: int
    verified: bool
    currency: str | None
    path: list[Step]
    shares: list[Shares]
    fits: dict[str, str]
    edition: int

    def stands(self, conversion: str, closing: bool, facts: Facts) -> bool:
        """Is it made of these facts?"""
        said = self.conversion, self.closing, self.net, self.gross, self.verified, self.currency
        is_ = conversion, closing, facts.net, facts.gross, facts.verified, facts.currency
        return said == is_ and self.path == steps(facts)

    def in_journey(self, journey: str) -> "Booking":
        """Give the same of another journey."""
        return msgspec.structs.replace(self, journey=journey)


def steps(facts: Facts) -> list[Step]:
    """Give the path as it is kept."""
    return [Step(t.id, t.at, t.name, t.channel, t.campaign, t.flags & _SEEN) for t in facts.path]


def parts_of(shares: list[Share], path: list[Touch]) -> list[Part]:
    """Give the shares of a model as they are kept."""
    places = {touch.id: place for place, touch in enumerate(path)}
    return [
        Part(_PLACES[share.line] if share.touch is None else places[share.touch.id], share.credit, share.value)
        for share in shares
    ]


def line_of(part: Part) -> Line:
    """Give the line of a part that is no touch's."""
    return _LINES[part.place]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Booking).decode


class Bookings:
    """The bookings of one profile while a batch is folded, by the event id of the conversion."""

    def __init__(self, read: Callable[[bytes], bytes | None]) -> None:
        self._read = read
        self._known: dict[bytes, Booking | None] = {}
        self._changed: dict[bytes, Booking | None] = {}
        self._unwritten: set[bytes] = set()

    def get(self, conversion: Touch) -> Booking | None:
        """Give what is booked of a conversion; None: nothing."""
        if conversion.id in self._known:
            return self._known[conversion.id]
        stored = self._read(conversion.id)
        booking = self._known[conversion.id] = None if stored is None else _decode(stored)
        return booking

    def of(self, conversion: Touch) -> Booking:
        """Give what is booked of a conversion that has been said.

        Raises:
            LookupError: nothing is: the state was written by a version that kept no bookings.
        """
        booking = self.get(conversion)
        if booking is None:
            raise LookupError(
                f"conversion {id_text(conversion.id)} has no booking: the workers' state is of an older version;"
                " rebuild it, or give the workers a new app id"
            )
        return booking

    def put(self, conversion: Touch, booking: Booking) -> None:
        """Keep what is booked from now on."""
        if self._known.get(conversion.id) is None and conversion.id not in self._changed:
            self._unwritten.add(conversion.id)
        self._known[conversion.id] = self._changed[conversion.id] = booking

    def drop(self, conversion: Touch) -> None:
        """Forget a conversion."""
        self._known[conversion.id] = None
        if conversion.id in self._unwritten:
            self._unwritten.remove(conversion.id)
            del self._changed[conversion.id]
        else:
            self._changed[conversion.id] = None

    @property
    def changed(self) -> bool:
        """Is there anything to be written?"""
        return bool(self._changed)

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Give what is to be written, by event id; None: removed."""
        for event_id, booking in self._changed.items():
            yield event_id, None if booking is None else _encode(booking)
