"""The laws of a changed catalogue: whenever it changes, the end is that of a run by the last one from the beginning."""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.base import profile_id
from schemas.catalogue import Catalogue
from schemas.catalogue_change import CatalogueChange, compare
from schemas.touchpoint import Touchpoint
from streams.core import touch_log
from streams.core.fold import FoldStage
from streams.core.ids import derived
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.properties.changing import drawn_catalogues, reread, revisit
from tests.properties.folding import HISTORIES, ARecord, end_state
from tests.properties.identity_running import assert_as_from_scratch
from tests.properties.reference import calculate
from tests.properties.storing import Store, no_state

SEEDS = st.integers(0, 2**40)
CHECKS = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)


@pytest.fixture(params=["short chunks", "long chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short chunks make a history of a few events as rich in chunks as a life of hundreds."""
    if request.param == "short chunks":
        monkeypatch.setattr(touch_log, "TAIL", 5)
        monkeypatch.setattr(touch_log, "SEALED", 3)


class Workers:
    """The fold of one partition, restarted with other catalogues."""

    def __init__(self) -> None:
        self.store: Store = {}
        self.outputs: list[Output] = []
        self.read = 0

    def work(self, stage: FoldStage, records: Sequence[Output]) -> None:
        given = [ARecord(self.read + n, o.key, o.value, o.timestamp, o.topic) for n, o in enumerate(records)]
        self.read += len(given)
        result = stage.process(0, given, self.store.get)
        for key, value in result.state.items():
            if value is None:
                del self.store[key]
            else:
                self.store[key] = value
        assert {o.topic for o in result.outputs} <= {
            f"touchpath.{name}" for name in ("journeys", "conversions", "credits")
        }
        self.outputs += result.outputs


def resolved(events: Sequence[Touchpoint]) -> list[Output]:
    records = [
        ARecord(n, e.key.encode(), e.model_dump_json(exclude_none=True).encode(), 1_700_000_000_000 + n)
        for n, e in enumerate(events)
    ]
    outputs = ResolveStage(drawn_catalogues(0, 1)[0]).process(0, records, no_state).outputs
    return [output for output in outputs if output.topic == "touchpath.resolved"]


def home(event: Touchpoint) -> UUID:
    return profile_id(event.key)


def told(events: Sequence[Touchpoint], old: Catalogue, new: Catalogue) -> list[Output]:
    """All that `touchpath catalogue apply` sends: to each profile, and of touchpoints those that must be read again."""
    change = compare(old, new)
    again = [reread(home(e), e) for e in events if change.reread is None or e.touchpoint in change.reread]
    return [revisit(profile, new) for profile in {home(event): None for event in events}] + again


def in_batches(workers: Workers, stage: FoldStage, records: Sequence[Output], chance: random.Random) -> None:
    left = list(records)
    while left:
        size = chance.choice([1, 2, 5, 100])
        workers.work(stage, left[:size])
        del left[:size]


def lives(events: Sequence[Touchpoint]) -> dict[str, list[Touchpoint]]:
    found: dict[str, list[Touchpoint]] = defaultdict(list)
    for event in events:
        found[str(home(event))].append(event)
    return found


@pytest.mark.usefixtures("chunks")
@given(HISTORIES, SEEDS, st.lists(st.integers(0, 25), min_size=1, max_size=3), SEEDS)
@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
def test_wherever_the_catalogue_changes_the_end_is_that_of_the_last_one(
    events: list[Touchpoint], kind: int, cuts: list[int], seed: int
) -> None:
    chance = random.Random(seed)
    catalogues = drawn_catalogues(kind, len(cuts) + 1)
    workers, records = Workers(), resolved(events)
    done = 0
    for number, (catalogue, cut) in enumerate(zip(catalogues, [*sorted(cuts), len(events)], strict=True)):
        stage = FoldStage(catalogue)
        if number:
            ask = told(events[:done], catalogues[number - 1], catalogue)
            late = chance.random() < 0.5  # others come before it is asked, and meet profiles of then
            some = 0 if not late else chance.randint(0, max(0, cut - done))
            in_batches(workers, stage, records[done : done + some], chance)
            done += some if late else 0
            in_batches(workers, stage, ask, chance)
        in_batches(workers, stage, records[done:cut], chance)
        done = max(done, min(cut, len(records)))
    assert_as_from_scratch(end_state(workers.outputs), lives(events), catalogues[-1])
