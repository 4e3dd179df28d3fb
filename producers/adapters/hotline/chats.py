"""Chats of any system: CSV, JSON lines, or a webhook with one JSON object or a list of them.

The columns and their other names stand in `record.py`; `chat_id` and `started_at` are the ones to have.
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.hotline.record import draft_of_record
from producers.adapters.loose import file_rows, hook_rows


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one chat."""
    return draft_of_record(piece, context, "chat")


ADAPTER = Adapter(
    name="chats",
    about="Chats of any system: waiting and talk time, agent, subject, result, who it was",
    area="hotline",
    pieces=hook_rows,
    file=file_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
