"""People counted at the doors of a store: CSV, JSON lines or a webhook, one row for each span: store, from, to, count.

A row is one `footfall`, of nobody: it is landed and counted, never part of a journey. It is told by store, door and
span, so that the same span sent again adds nothing. The count stands in the properties: `count` (people in), and
`out` and `seconds` (the length of the span) where they are known.
"""

from decimal import Decimal

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.finish import zoned
from producers.adapters.loose import Loose, hook_rows
from producers.adapters.problem import Problem
from producers.adapters.store.loyalty_scans import STORE
from producers.adapters.store.rows import whole_rows
from schemas.bodies import StoreBody

FOOTFALL, CHANNEL = "footfall", "store"
BEGIN = ("from", "start", "begin", "time", "timestamp", "hour", "interval_start")
END = ("to", "end", "until", "interval_end")
COUNT = ("count", "in", "visitors", "entries", "entrances", "people")
OUT = ("out", "exits", "leaving")
DOOR = ("door", "entrance", "sensor", "counter", "zone")


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one span."""
    row = Loose(piece.value, piece.path)
    store = row.required(*STORE)
    begin, at = row.moment(*BEGIN)
    count = _people(row, COUNT)
    if count is None:
        raise Problem(row.at(*COUNT), "required, but missing or blank")
    properties: dict[str, object] = {"count": count}
    if (out := _people(row, OUT)) is not None:
        properties["out"] = out
    if row.key(*END) is not None:
        end, end_at = row.moment(*END)
        seconds = (zoned(end, context.sender, end_at) - zoned(begin, context.sender, at)).total_seconds()
        if seconds < 0:
            raise Problem(end_at, "before the beginning of the span")
        properties["seconds"] = int(seconds)
    door = row.text(*DOOR)
    if door is not None:
        properties["door"] = door
    return Draft(
        touchpoint=FOOTFALL,
        channel=CHANNEL,
        occurred_at=begin,
        at=at,
        id=row.text("id", "event_id") or f"footfall {store} {door or ''} {begin.isoformat()}",
        body=StoreBody(store=store),
        properties=properties,
    )


def _people(row: Loose, names: tuple[str, ...]) -> int | None:
    number = row.number(*names)
    if number is None:
        return None
    if number < 0 or number != number.to_integral_value() or number > Decimal(10**9):
        raise Problem(row.at(*names), "not a number of people")
    return int(number)


ADAPTER = Adapter(
    name="footfall",
    about="people counted at the doors of stores: store, from, to, count (CSV, JSON lines, webhook); nobody's journey",
    area="store",
    pieces=hook_rows,
    file=whole_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
