"""The laws of a changed catalogue: whenever it changes, the end is that of a run by the last one from the beginning."""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
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
from streams.core.loopback import Loopback, Waiting
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.properties.changing import ChangingFold, drawn_catalogues, reread, revisit
from tests.properties.folding import HISTORIES, ARecord, end_state
from tests.properties.identity_histories import drawn
from tests.properties.identity_running import assert_as_from_scratch, choose_by, end_of, holders, incoming
from tests.properties.storing import Store, bounded, live_keys, no_state
from tests.properties.test_ledger_of_everything import rich

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
        assert "touchpath.quarantine" not in {o.topic for o in result.outputs}
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


def is_read_again(event: Touchpoint, change: CatalogueChange) -> bool:
    """Say it as the query does: a touchpoint comes with its parts."""
    names = change.reread
    return names is None or any(f"{event.touchpoint}.".startswith(f"{name}.") for name in names)


def told(events: Sequence[Touchpoint], old: Catalogue, new: Catalogue) -> list[Output]:
    """All that `touchpath catalogue apply` sends: to each profile, and of touchpoints those that must be read again."""
    change = compare(old, new)
    again = [reread(home(e), e) for e in events if is_read_again(e, change)]
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
@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
def test_wherever_the_catalogue_changes_the_end_is_that_of_the_last_one(
    events: list[Touchpoint], kind: int, cuts: list[int], seed: int
) -> None:
    chance = random.Random(seed)
    catalogues = drawn_catalogues(kind, len(cuts) + 1)
    if chance.random() < 0.3:  # and back again
        catalogues[-1] = catalogues[0]
    workers, records = Workers(), resolved(events)
    done = 0
    for number, (catalogue, cut) in enumerate(zip(catalogues, [*sorted(cuts), len(events)], strict=True)):
        stage = FoldStage(catalogue)
        if number:
            ask = told(events[:done], catalogues[number - 1], catalogue)
            if chance.random() < 0.5:  # some come before it is asked, and meet profiles of then
                early = chance.randint(0, max(0, cut - done))
                in_batches(workers, stage, records[done : done + early], chance)
                done += early
            in_batches(workers, stage, ask, chance)
        in_batches(workers, stage, records[done:cut], chance)
        done = max(done, min(cut, len(records)))
    assert_as_from_scratch(end_state(workers.outputs), lives(events), catalogues[-1])


@pytest.mark.usefixtures("chunks")
@given(HISTORIES, SEEDS, st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
def test_nothing_is_said_that_stays_as_it_is_and_what_is_said_has_the_cause(
    events: list[Touchpoint], kind: int, backwards: bool
) -> None:
    old, new = drawn_catalogues(kind, 2)[:: -1 if backwards else 1]
    workers, stage = Workers(), FoldStage(new)
    workers.work(FoldStage(old), resolved(events))
    last = {place: essence_of(record) for place, record in records_of(workers)}
    workers.outputs = []
    ask = told(events, old, new)
    workers.work(stage, ask)
    for (topic, _), record in records_of(workers):
        assert record["recorded_at"] == "2026-12-24T00:00:00Z"
        assert topic != "touchpath.credits" or record["cause"] == "catalogue"
    if compare(old, new).needs != "reread":  # else it is said in two steps: what is kept, and what is read again
        posted = {conversion for conversion, _ in effects(workers)}
        for place, record in records_of(workers):  # each posting comes with the record of its conversion
            assert essence_of(record) != last.get(place) or record.get("conversion_id") in posted
            last[place] = essence_of(record)
        assert all(any(lines.values()) for lines in effects(workers).values())
    workers.outputs = []
    workers.work(stage, ask)
    assert workers.outputs == []


def records_of(workers: Workers) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    """What was said, with topic and id; a posting has none."""
    found: list[tuple[tuple[str, str], dict[str, Any]]] = []
    for output in workers.outputs:
        record = json.loads(output.value)
        name = {"touchpath.journeys": "journey_id", "touchpath.conversions": "conversion_id"}.get(output.topic)
        found.append(((output.topic, record[name] if name else str(len(found))), record))
    return found


def essence_of(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("revision", "recorded_at")}


def effects(workers: Workers) -> dict[tuple[str, str], dict[tuple[Any, ...], Decimal]]:
    """By conversion and model, what all postings change on each line."""
    found: dict[tuple[str, str], dict[tuple[Any, ...], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for (topic, _), record in records_of(workers):
        for entry in record["entries"] if topic == "touchpath.credits" else ():
            said = record["conversion"], record["currency"], entry["touchpoint_id"], entry["touchpoint"]
            lines = found[record["conversion_id"], entry["model"]]
            lines[*said, "credit"] += Decimal(entry["credit"])
            lines[*said, "value"] += entry["value_minor"]
    return found


# --- at the bound of a profile


def test_where_profiles_are_full_every_model_gives_all_or_nothing_of_what_a_conversion_is_worth() -> None:
    """What is sealed stays as it was said, also by models that there were then."""
    seen = 0
    for seed in range(20):
        chance = random.Random(seed)
        most = [chance.choice([10, 12, 15, 40]) for _ in range(3)]
        catalogues = [bounded(one, bound) for one, bound in zip(drawn_catalogues(seed, 3), most, strict=True)]
        events = [rich(number, chance) for number in range(chance.randrange(most[0] + 2, 60))]
        chance.shuffle(events)
        records, workers = resolved(events), Workers()
        cuts = [0, *sorted(chance.randrange(len(events)) for _ in range(2)), len(events)]
        for number, catalogue in enumerate(catalogues):
            stage = FoldStage(catalogue)
            if number:
                ask = told(events[: cuts[number]], catalogues[number - 1], catalogue)
                in_batches(workers, stage, ask, chance)
            in_batches(workers, stage, records[cuts[number] : cuts[number + 1]], chance)
        assert set(workers.store) == live_keys(workers.store), f"seed {seed}"
        state = end_state(workers.outputs)
        sums: dict[tuple[str, str], list[Decimal | int]] = defaultdict(lambda: [Decimal(0), 0])
        for (conversion, model, _), (credit, value) in state.credits.items():
            sums[conversion, model][0] += credit
            sums[conversion, model][1] += value
        for (conversion, _), sum_of in sums.items():
            assert sum_of == [Decimal(1), state.conversions[conversion]["net_minor"]], f"seed {seed}"
        assert {conversion for conversion, _ in sums} == set(state.conversions), f"seed {seed}"
        seen += len(sums)
    assert seen > 200


# --- with moves between profiles, over partitions and in any interleaving


@given(SEEDS, st.sampled_from([1, 2, 7]), SEEDS, SEEDS)
@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_with_moves_in_between_the_end_is_that_of_the_last_catalogue(
    seed: int, partitions: int, interleaving: int, kind: int
) -> None:
    history = drawn(seed, journeys=True)
    old, new = (one.model_copy(update={"identity": history.settings}) for one in drawn_catalogues(kind, 2))
    fold = ChangingFold(FoldStage(old))
    goes_on, chance = choose_by(interleaving), random.Random(interleaving)
    when = chance.choice([0, 10, 50, 200, 10_000])
    steps = 0

    def choose(waiting: Sequence[Waiting]) -> tuple[int, int]:
        nonlocal steps
        steps += 1
        if steps == when:  # in the middle of whatever is under way
            fold.stage = FoldStage(new)
        return goes_on(waiting)

    loop = Loopback([ResolveStage(old), fold], partitions, choose)
    for number, arrival in enumerate(history.arrivals):
        loop.put(incoming(arrival, 1_790_000_000_000 + number))
    loop.run()
    fold.stage = FoldStage(new)
    change = compare(old, new)
    held = {event_id: profile for event_id, (profile,) in holders(loop, new).items()}
    events = {event.event_id: event for event in history.events}
    for profile in {profile for (_, profile) in held.items()}:
        loop.put(revisit(UUID(profile), new))
    for event_id, profile in held.items():
        event = events[event_id]
        if is_read_again(event, change):
            loop.put(reread(UUID(profile), event))
    loop.run()
    lives: dict[str, list[Touchpoint]] = defaultdict(list)
    for event_id, profile in held.items():
        lives[profile].append(events[event_id])
    assert_as_from_scratch(end_of(loop), lives, new)
