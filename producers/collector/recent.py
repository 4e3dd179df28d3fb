"""The ids that this process has taken lately: best effort, since the fold decides what is a duplicate."""

from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID


class RecentIds:
    """The newest `limit` event ids. Only ids that Kafka has acknowledged belong here, or a retry would be lost."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ids: OrderedDict[UUID, None] = OrderedDict()

    def __contains__(self, event_id: object) -> bool:
        return event_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def remember(self, ids: Iterable[UUID]) -> None:
        """Add ids, and forget the oldest above the limit."""
        for event_id in ids:
            self._ids[event_id] = None
            self._ids.move_to_end(event_id)
        while len(self._ids) > self._limit:
            self._ids.popitem(last=False)
