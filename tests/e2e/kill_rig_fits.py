"""Fits that are published again and again, and the demand that all profiles look again: written to Kafka."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from kafka import KafkaProducer

from schemas import topics
from schemas.attribution_model import AttributionModel
from schemas.base import profile_id
from schemas.resolved import Resolved
from schemas.revisit import Revisit
from streams.worker.partitioning import partition_of
from tests.e2e.kill_rig_people import Household
from tests.e2e.kill_rig_rounds import Rounds
from tests.properties.test_published_models import a_fit

MODEL = "markov"


class Fitter(Rounds):
    """Publishes another fit to every partition, and asks whoever may be a profile to look again, until told to stop.

    A profile is named by one of its identifiers; those that name none are asked in vain.
    """

    def __init__(self, bootstrap: str, seed: int, households: int, *, pause: float) -> None:
        super().__init__(pause)
        self.published: list[AttributionModel] = []
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
        self._chance = random.Random(seed)
        self._profiles = list(_profiles(households))

    def round(self) -> None:
        self.publish()
        self.ask()

    def publish(self) -> None:
        """Put another fit in force."""
        model = a_fit(len(self.published), MODEL, self._chance, datetime.now(UTC))
        for partition in sorted(self._producer.partitions_for(topics.MODELS.name)):
            self._producer.send(
                topics.MODELS.name, key=MODEL.encode(), value=model.model_dump_json().encode(), partition=partition
            )
        self._producer.flush()
        self.published.append(model)

    def ask(self) -> None:
        """Let all look again."""
        partitions = len(self._producer.partitions_for(topics.RESOLVED.name))
        revisit = Revisit(cause="model", evidence=UUID(int=len(self.published)), recorded_at=datetime.now(UTC))
        for profile in self._profiles:
            value = Resolved(profile_id=profile, revisit=revisit).model_dump_json(exclude_none=True)
            key = str(profile).encode()
            self._producer.send(
                topics.RESOLVED.name, key=key, value=value.encode(), partition=partition_of(key, partitions)
            )
        self._producer.flush()


def _profiles(households: int) -> Iterator[UUID]:
    for number in range(households):
        household = Household(random.Random(number), number)
        yield from (profile_id(key) for key in (*household.people, *household.others))
