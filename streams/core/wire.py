"""The records of the fold's topics as it reads and writes them: fast readers and writers of the contracts in `schemas`.

Every struct here stands for a pydantic model there; `tests/contracts` holds that both read and write the same JSON.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta
from pydantic import ValidationError

from schemas.money import MOST_MINOR
from schemas.moves import MoveCause
from schemas.policy import Policy
from schemas.resolved import Resolved
from schemas.revisit import RevisitCause


class ReadIdentifier(msgspec.Struct, gc=False):
    """`schemas.identifier.Identifier`."""

    kind: str
    value: str


class ReadCampaign(msgspec.Struct, gc=False):
    """The part of `schemas.touchpoint.Campaign` that the fold needs."""

    name: str | None = None


class ReadMoney(msgspec.Struct, gc=False):
    """`schemas.money.Money`."""

    amount: Decimal
    currency: str


class ReadBody(msgspec.Struct, gc=False):
    """The part of `schemas.bodies` that the fold needs."""

    machine: bool = False
    bot: bool = False


class ReadTouchpoint(msgspec.Struct, gc=False):
    """The part of `schemas.touchpoint.Touchpoint` that the fold needs."""

    event_id: UUID
    source: str
    touchpoint: str
    channel: str
    occurred_at: datetime
    received_at: datetime
    body: ReadBody
    identifiers: list[ReadIdentifier] = []
    campaign: ReadCampaign | None = None
    order_id: str | None = None
    amount: ReadMoney | None = None
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    verified: bool = True


Moment = Annotated[datetime, Meta(tz=True)]
Version = Annotated[int, Meta(ge=0, lt=2**32)]
Count = Annotated[int, Meta(ge=0, lt=2**53)]


class ReadRoute(msgspec.Struct, gc=False):
    """`schemas.moves.Route`."""

    profile_id: UUID
    since: Moment | None = None
    until: Moment | None = None


class ReadForwarding(msgspec.Struct, gc=False):
    """`schemas.moves.Forwarding`."""

    owner: str
    version: Annotated[int, Meta(ge=1, lt=2**32)]
    cause: MoveCause
    evidence: UUID
    recorded_at: Moment
    routes: Annotated[list[ReadRoute], Meta(min_length=1)]
    policy: Policy = "last_known"
    final: bool = False


class WireTouch(msgspec.Struct, gc=False, omit_defaults=True):
    """`schemas.moves.MovedTouch`, read and written."""

    event_id: UUID
    occurred_at: Moment
    touchpoint: str
    channel: str
    campaign: str | None = None
    device: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    unverified: bool = False
    machine: bool = False
    no_consent: bool = False
    says_yes: bool = False
    decides: bool | None = None
    dropped: bool = False
    named_sale: bool = False
    order_id: str | None = None
    minor: Annotated[int, Meta(ge=-MOST_MINOR, le=MOST_MINOR)] | None = None
    currency: str | None = None
    source: str = ""
    postings: Count = 0
    conversion: str | None = None


class WireArrival(msgspec.Struct, gc=False, omit_defaults=True):
    """`schemas.moves.Arrival`, read and written."""

    owner: str
    version: Annotated[int, Meta(ge=1, lt=2**32)]
    cause: MoveCause
    evidence: UUID
    recorded_at: Moment
    from_profile: UUID
    revision: Count
    touches: list[WireTouch]
    policy: Policy = "last_known"


class ReadRevisit(msgspec.Struct, gc=False):
    """`schemas.revisit.Revisit`."""

    cause: RevisitCause
    evidence: UUID
    recorded_at: Moment


class ReadErasure(msgspec.Struct, gc=False):
    """`schemas.erasure.Erasure`."""

    evidence: UUID
    recorded_at: Moment


class ReadResolved(msgspec.Struct, gc=False):
    """`schemas.resolved.Resolved`: one of its five kinds, which `read_resolved` has seen to."""

    profile_id: str | None
    touchpoint: ReadTouchpoint | None = None
    owner: str | None = None
    policy: Policy = "last_known"
    version: Version = 0
    forwarding: ReadForwarding | None = None
    arrival: WireArrival | None = None
    reread: bool = False
    revisit: ReadRevisit | None = None
    erasure: ReadErasure | None = None


class WriteMove(msgspec.Struct, gc=False):
    """`schemas.resolved.Resolved` of an arrival."""

    profile_id: str
    arrival: WireArrival


class WriteJourney(msgspec.Struct, gc=False):
    """`schemas.journey.JourneySnapshot`."""

    journey_id: str
    profile_id: str
    revision: int
    withdrawn: bool
    status: str
    opening_event: str
    opened_at: datetime
    last_at: datetime
    converted_at: datetime | None
    closing_conversion: str | None
    touchpoints: int
    touches: int
    visits: int
    conversions: int
    channels: list[str]
    first_touchpoint: str
    last_touchpoint: str
    recorded_at: datetime


class WriteStep(msgspec.Struct, gc=False):
    """`schemas.conversion.PathStep`."""

    touchpoint_id: str
    touched_at: datetime
    touchpoint: str
    channel: str
    campaign: str | None


class WriteConversion(msgspec.Struct, gc=False, omit_defaults=True):
    """`schemas.conversion.ConversionRecord`."""

    conversion_id: str
    profile_id: str
    journey_id: str
    revision: int
    withdrawn: bool
    conversion: str
    closing: bool
    occurred_at: datetime
    touchpoint: str
    channel: str
    source: str
    order_id: str | None
    currency: str | None
    minor_digits: int
    gross_minor: int
    net_minor: int
    path: list[WriteStep]
    recorded_at: datetime
    verified: bool = True
    fits: dict[str, str] = {}


class WriteEntry(msgspec.Struct, gc=False, omit_defaults=True):
    """`schemas.credit.CreditEntry`."""

    entry_id: str
    model: str
    revision: int
    sign: int
    touchpoint_id: str | None
    touchpoint: str | None
    channel: str | None
    campaign: str | None
    touched_at: datetime | None
    credit: str
    value_minor: int
    fit_id: str | None = None


class WritePosting(msgspec.Struct, gc=False):
    """`schemas.credit.Posting`."""

    conversion_id: str
    profile_id: str
    conversion: str
    occurred_at: datetime
    cause: str
    currency: str | None
    minor_digits: int
    entries: list[WriteEntry]
    recorded_at: datetime


class WriteMark(msgspec.Struct, gc=False):
    """`schemas.mark.Mark`."""

    event_id: str
    profile_id: str
    mark: str
    recorded_at: datetime


encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ReadResolved).decode


def read_resolved(value: bytes) -> ReadResolved:
    """Read a record of `touchpath.resolved`.

    The quick reader takes what our own writers write. What it refuses gets the contract's own judgement, which is wider
    (it also takes a number for a time) and says the reason as a path.

    Raises:
        pydantic.ValidationError: the record breaks the contract.
    """
    try:
        resolved = _decode(value)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _as_understood(value)
    others = (resolved.forwarding, resolved.arrival, resolved.revisit, resolved.erasure)
    kinds = sum(part is not None for part in others)
    if resolved.touchpoint is not None:
        plain = not kinds and (not resolved.reread or _is_id(resolved.profile_id))
        return resolved if plain else _as_understood(value)
    plain = kinds == 1 and not resolved.reread and _is_id(resolved.profile_id)
    return resolved if plain else _as_understood(value)


def _is_id(text: str | None) -> bool:
    """Is it an id, in the one writing that we use?"""
    try:
        return text is not None and str(UUID(text)) == text
    except ValueError:
        return False


def _as_understood(value: bytes) -> ReadResolved:
    """Read the record as the contract understands it.

    Raises:
        pydantic.ValidationError: the record breaks the contract.
    """
    return _decode(Resolved.model_validate_json(value).model_dump_json().encode())


def why_refused(value: bytes, error: Exception) -> ValidationError:
    """Give the contract's reason against a record that the quick reader took and whose figures proved impossible.

    Raises:
        Exception: `error` itself, where the contract takes the record: then it is a defect of ours.
    """
    try:
        Resolved.model_validate_json(value)
    except ValidationError as refusal:
        return refusal
    raise error
