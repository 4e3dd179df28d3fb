"""What this process has taken lately: best effort, since the streams decide what is a duplicate."""

from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from schemas.identity import Command
from schemas.outcome import Accepted, Duplicate, Outcome


class RecentIds:
    """The newest `limit` event ids. A door adds only what Kafka has acknowledged, or a retry would be lost."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ids: OrderedDict[UUID, None] = OrderedDict()

    def __contains__(self, event_id: object) -> bool:
        return event_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def once(self, outcome: Outcome) -> Outcome:
        """Give the outcome, as a duplicate where its event is known; an accepted one is remembered at once.

        For whoever sends again by itself what is not acknowledged, as an import does.
        """
        if not isinstance(outcome, Accepted):
            return outcome
        event_id = outcome.touchpoint.event_id
        if event_id in self:
            return Duplicate(event_id)
        self.remember((event_id,))
        return outcome

    def remember(self, ids: Iterable[UUID]) -> None:
        """Add ids, and forget the oldest above the limit."""
        for event_id in ids:
            self._ids[event_id] = None
            self._ids.move_to_end(event_id)
        while len(self._ids) > self._limit:
            self._ids.popitem(last=False)


class RecentCommands:
    """The newest `limit` commands. Only what Kafka has acknowledged is added, or a retry would be lost."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._commands: OrderedDict[UUID, Command] = OrderedDict()

    def known(self, command_id: UUID) -> Command | None:
        """Give the command that had this id."""
        return self._commands.get(command_id)

    def remember(self, command: Command) -> None:
        """Add one, and forget the oldest above the limit."""
        self._commands[command.command_id] = command
        while len(self._commands) > self._limit:
            self._commands.popitem(last=False)
