"""The topics, declared in one place: key, model, version, retention and compatibility rule of each."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from schemas.attribution_model import AttributionModel
from schemas.base import WireModel
from schemas.conversion import ConversionRecord
from schemas.credit import Posting
from schemas.identity import IdentityMessage
from schemas.journey import JourneySnapshot
from schemas.mark import Mark
from schemas.profile import ProfileChange
from schemas.quarantine import QuarantineRecord
from schemas.resolved import Resolved
from schemas.touchpoint import Touchpoint

Part = Literal["collector", "worker", "sink", "importer", "settle", "tail", "admin", "fit"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: what its records are, who writes and reads it, and how long it keeps them.

    `retention` None keeps records for ever. `compatibility` is the rule for a new version of the model:
    `backward` means that a new reader reads every old record (so fields are only added, with a default).
    """

    name: str
    key: str
    model: type[WireModel]
    version: int
    retention: timedelta | None
    writers: tuple[Part, ...]
    readers: tuple[Part, ...]
    compatibility: Literal["backward"] = "backward"
    cleanup: Literal["delete", "compact"] = "delete"
    config: dict[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, str]:
        """Give the topic's settings as Kafka names them."""
        milliseconds = -1 if self.retention is None else int(self.retention.total_seconds() * 1000)
        return {"cleanup.policy": self.cleanup, "retention.ms": str(milliseconds), **self.config}


COLLECTED = Topic(
    "touchpath.collected",
    key="strongest identifier, `kind:value`",
    model=Touchpoint,
    version=1,
    retention=timedelta(days=30),
    writers=("collector", "importer", "worker"),  # the worker: what came under another key goes back under its own
    readers=("worker", "sink", "settle", "tail"),
)
QUARANTINE = Topic(
    "touchpath.quarantine",
    key="source",
    model=QuarantineRecord,
    version=1,
    retention=timedelta(days=90),
    writers=("collector", "importer", "worker"),
    readers=("sink", "settle", "tail"),
)
RESOLVED = Topic(
    "touchpath.resolved",
    key="profile id, or `event:<id>` where nothing says who it was",
    model=Resolved,
    version=1,
    retention=timedelta(days=30),
    # Beside the workers: who publishes a model or applies a catalogue, and asks profiles to look again.
    writers=("worker", "fit", "admin"),
    readers=("worker", "sink", "settle"),
)
IDENTITY = Topic(
    "touchpath.identity",
    key="the identifier that the record is for, `kind:value`",
    model=IdentityMessage,
    version=1,
    retention=timedelta(days=30),
    writers=("worker", "collector", "admin"),
    readers=("worker", "sink", "settle"),
)
PROFILES = Topic(
    "touchpath.profiles",
    key="profile id",
    model=ProfileChange,
    version=1,
    retention=timedelta(days=30),
    writers=("worker",),
    readers=("sink", "settle"),
)
JOURNEYS = Topic(
    "touchpath.journeys",
    key="profile id",
    model=JourneySnapshot,
    version=1,
    retention=timedelta(days=30),
    writers=("worker",),
    readers=("sink", "settle"),
)
CONVERSIONS = Topic(
    "touchpath.conversions",
    key="profile id",
    model=ConversionRecord,
    version=1,
    retention=timedelta(days=30),
    writers=("worker",),
    readers=("sink", "settle"),
)
CREDITS = Topic(
    "touchpath.credits",
    key="conversion id",
    model=Posting,
    version=1,
    retention=timedelta(days=90),
    writers=("worker",),
    readers=("sink", "settle"),
)
MARKS = Topic(
    "touchpath.marks",
    key="profile id",
    model=Mark,
    version=1,
    retention=timedelta(days=30),
    writers=("worker",),
    readers=("sink", "settle"),
)

MODELS = Topic(
    "touchpath.models",
    key="model name, in every partition; without a value the model is withdrawn",
    model=AttributionModel,
    version=1,
    retention=None,
    writers=("fit",),
    readers=("worker", "settle"),
    cleanup="compact",
)

TOPICS: tuple[Topic, ...] = (
    *(COLLECTED, QUARANTINE, IDENTITY, RESOLVED, PROFILES, JOURNEYS, CONVERSIONS, CREDITS, MARKS),
    MODELS,
)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
