"""Archives in Segment's format: JSON lines, gzipped or not, each line a call as it once was received.

The type comes from each line. `receivedAt` stands for the time of arrival, so that `sentAt` corrects a wrong clock as
it would have done then; a line with neither `timestamp` nor `originalTimestamp` happened when it was received.

Format: https://segment.com/docs/connections/storage/catalog/aws-s3/
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from producers.adapters.adapter import Adapter, Context, Draft, Piece
from producers.adapters.loose import opened, whole_gzip
from producers.adapters.moments import moment_of, possible
from producers.adapters.payload import Node
from producers.adapters.pieces import json_lines
from producers.adapters.problem import Problem
from producers.adapters.web import segment
from schemas.outcome import Accepted, Quarantined


def file(content: BinaryIO, context: Context) -> Iterator[Piece]:
    """Give one piece for each line that is not blank."""
    return whole_gzip(json_lines(opened(content)[0], context.limits))


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one line, by the same rules as the door of Segment's SDKs."""
    line = Node(piece.value, piece.path)
    received_at = context.received_at
    if (name := line.first_present(("receivedAt", "received_at"))) is not None:
        received_at = possible(moment_of(line.values[name], line.at(name)), received_at, line.at(name))
    outcome = segment.outcome_of(
        piece.raw,
        None,
        context.sender,
        received_at,
        context.catalogue,
        path=piece.path,
        limits=replace(context.limits, quarantined_bytes=context.limits.event_bytes),
    )
    if isinstance(outcome, Quarantined):
        path, _, message = outcome.record.reason.partition(": ")
        raise Problem(path, message)
    if not isinstance(outcome, Accepted):
        raise Problem(piece.path, "no outcome")
    told = outcome.touchpoint
    return Draft(
        touchpoint=told.touchpoint,
        channel=told.channel,
        occurred_at=told.occurred_at,
        at=piece.path,
        id=str(told.event_id),
        identifiers=list(told.identifiers),
        campaign=told.campaign,
        order_id=told.order_id,
        amount=told.amount,
        name=told.name,
        body=told.body,
        properties=told.properties,
    )


ADAPTER = Adapter(
    name="segment_archive",
    about="Archives in Segment's format: JSON lines, gzipped or not, years of history",
    area="web",
    file=file,
    read=read,
)
