"""Call records of any system: CSV, JSON lines, or a webhook with one JSON object or a list of them.

The columns and their other names stand in `record.py`; `call_id` and `started_at` are the ones to have.
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.hotline.record import draft_of_record
from producers.adapters.loose import file_rows, hook_rows


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one call."""
    return draft_of_record(piece, context, "call")


ADAPTER = Adapter(
    name="calls",
    about="Calls of any system: waiting and talk time, queue, agent, reason, result, calling number",
    area="hotline",
    pieces=hook_rows,
    file=file_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
