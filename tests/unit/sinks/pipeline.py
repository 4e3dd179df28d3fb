"""The real stages in memory and the real tables behind them: only Kafka is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from producers.identity_commands import command_of, record_of_command
from producers.records import record_of
from schemas import topics
from schemas.base import derived_id
from schemas.bodies import OtherBody
from schemas.catalogue import Catalogue, load
from schemas.identifier import Identifier
from schemas.identity import Action
from schemas.outcome import Accepted
from schemas.touchpoint import Touchpoint
from sinks.client import Store
from sinks.rows import TOPICS
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.unit.sinks.landing import Landing

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def identifier(key: str) -> Identifier:
    kind, _, value = key.partition(":")
    return Identifier(kind=kind, value=value)


def an_event(name: str, *identifiers: str, minute: float = 0, **more: Any) -> Touchpoint:
    """A touchpoint of 2026-03-01 12:00 UTC and so many minutes."""
    moment = AT + timedelta(minutes=minute)
    fields: dict[str, Any] = {
        "event_id": derived_id(name),
        "source": "web",
        "touchpoint": "page_view",
        "channel": "web",
        "occurred_at": moment,
        "received_at": moment,
        "body": OtherBody(),
        "identifiers": tuple(identifier(one) for one in identifiers),
    }
    return Touchpoint(**fields | more)


class Pipeline:
    """What goes in is resolved, folded and landed at once."""

    def __init__(
        self, store: Store, partitions: int = 1, epoch: int = 1, catalogue: Catalogue | None = None, **loop: Any
    ) -> None:
        catalogue = catalogue or load()
        self.loop = Loopback([ResolveStage(catalogue), FoldStage(catalogue)], partitions, **loop)
        self._land = Landing(store, epoch)
        self._landed = {(topic, number): 0 for topic in TOPICS for number in range(partitions)}

    def seen(self, *events: Touchpoint) -> None:
        """Let events come in, as a door writes them."""
        for event in events:
            self.loop.put(Output(*record_of(Accepted(event))[:4]))
        self.run()

    def decide(self, action: Action, key: str, other: str | None = None, *, minute: float = 1000) -> None:
        """Let a decision come in."""
        command = command_of(
            action,
            identifier(key),
            identifier(other) if other else None,
            command_id=derived_id(action, key, str(minute)),
            requested_at=AT + timedelta(minutes=minute),
            requested_by="service desk",
        )
        self.loop.put(Output(*record_of_command(command)[:4]))
        self.run()

    def run(self) -> None:
        """Let all that waits go through, and land what is new."""
        self.loop.run()
        for (topic, number), landed in self._landed.items():
            values = [record.value or b"" for record in self.loop.topics[topic, number]]
            if len(values) > landed:
                self._land(topics.BY_NAME[topic], *values[landed:])
                self._landed[topic, number] = len(values)
