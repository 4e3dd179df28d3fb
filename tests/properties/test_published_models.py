"""Whatever is published and withdrawn: once all profiles have looked again, what is in force splits the ledger."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import given, settings

from schemas import topics
from schemas.attribution_model import AttributionModel, ModelWeight
from schemas.catalogue import Catalogue
from schemas.resolved import Resolved
from schemas.revisit import Revisit
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.properties.folding import ARRIVAL, EndState
from tests.properties.identity_histories import History, drawn
from tests.properties.identity_reference import resolve_all
from tests.properties.identity_running import assert_as_from_scratch, catalogue_of, choose_by, end_of, incoming
from tests.properties.reference import apportion
from tests.properties.storing import profiles_in
from tests.properties.test_identity_properties import PARTITIONS, PHASES, SEEDS, hold, lives

#: The last is a name of the catalogue's: one that is published under it is passed over.
NAMES = ("markov", "shapley", "linear")
CHANNELS = ("web", "search", "email", "hotline", "store", "direct_mail", "withheld")
NOW = 1_790_000_000_000
InForce = dict[str, AttributionModel]


def a_fit(number: int, name: str, chance: random.Random, published_at: datetime | None = None) -> AttributionModel:
    """A fit that knows some of the channels."""
    channels = chance.sample(CHANNELS, chance.randint(1, len(CHANNELS)))
    weights = apportion(10**9, [Fraction(chance.randint(1, 9)) for _ in channels])
    return AttributionModel(
        name=name,
        fit_id=UUID(int=number),
        fitted_at=ARRIVAL,
        kind="markov",
        order=1,
        level="channel",
        until=ARRIVAL,
        paths=9,
        journeys=9,
        converted=1,
        rate=1 / 9,
        weights=tuple(
            ModelWeight(name=channel, weight=weight, effect=0.5)
            for channel, weight in zip(channels, weights, strict=True)
        ),
        published_at=published_at,
    )


def publish_some(loop: Loopback, chance: random.Random) -> InForce:
    """Publish models and withdraw some; give those in force at the end that have a name of their own."""
    in_force: InForce = {}
    for number in range(chance.randint(1, 6)):
        name = chance.choice(NAMES)
        if chance.random() < 0.25:
            in_force.pop(name, None)
            loop.put_everywhere(topics.MODELS.name, name.encode(), None, NOW)
            continue
        moment = ARRIVAL + timedelta(hours=number) if number % 2 else None
        in_force[name] = a_fit(number, name, chance, moment)
        loop.put_everywhere(topics.MODELS.name, name.encode(), in_force[name].model_dump_json().encode(), NOW)
    return in_force


def revisit_all(loop: Loopback) -> None:
    """Ask every profile to look again, as `touchpath attribution restate` does."""
    revisit = Revisit(cause="model", evidence=UUID(int=1), recorded_at=ARRIVAL)
    tables = [table for (stage, _), table in loop.states.items() if stage == "fold"]
    for profile in sorted(profile for table in tables for profile in profiles_in(table)):
        record = Resolved(profile_id=UUID(profile), revisit=revisit).model_dump_json(exclude_none=True)
        loop.put(Output(topics.RESOLVED.name, profile.encode(), record.encode(), NOW))
    loop.run()


def split(conversion: dict[str, Any], model: AttributionModel) -> dict[str | None, tuple[Decimal, int]]:
    """What the touches of a conversion earn by a fit: a channel's weight shared by its touches; else all alike."""
    path, net = conversion["path"], conversion["net_minor"]
    if not path:
        return {None: (Decimal(1), net)}
    known = {line.name: line.weight for line in model.weights}
    channels = [step["channel"] for step in path]
    equally = not any(known.get(channel) for channel in channels)
    weights = [Fraction(1 if equally else known.get(channel, 0), channels.count(channel)) for channel in channels]
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    for step, units, value in zip(path, apportion(10**9, weights), apportion(net, weights), strict=True):
        line = step["touchpoint_id"] if step["touchpoint"] != "withheld" else "withheld"
        sums[line][0] += units
        sums[line][1] += value
    return {line: (Decimal(units).scaleb(-9), value) for line, (units, value) in sums.items() if units or value}


def assert_split_by(in_force: InForce, state: EndState, catalogue: Catalogue) -> EndState:
    """Hold the ledger to the fits in force; give the state without them."""
    learned = {name: model for name, model in in_force.items() if name not in catalogue.attribution.models}
    expected = {
        (conversion_id, name, line): figures
        for conversion_id, conversion in state.conversions.items()
        for name, model in learned.items()
        for line, figures in split(conversion, model).items()
    }
    own = catalogue.attribution.models
    assert {key: figures for key, figures in state.credits.items() if key[1] not in own} == expected
    for conversion in state.conversions.values():
        assert conversion.get("fits", {}) == {name: str(model.fit_id) for name, model in learned.items()}
    return replace(state, credits={key: figures for key, figures in state.credits.items() if key[1] in own})


def assert_no_fit_earned_before_it_was_there(loop: Loopback) -> None:
    """No entry is older than the publication of its fit, if that is known; and no two postings have one number."""
    published: dict[str, datetime] = {}
    for record in loop.records(topics.MODELS.name):
        if record.value is not None:
            model = AttributionModel.model_validate_json(record.value)
            if model.published_at is not None:
                published[str(model.fit_id)] = model.published_at
    seen: set[tuple[str, str, str, int]] = set()
    for record in loop.records(topics.CREDITS.name):
        posting = json.loads(record.value or b"")
        at = datetime.fromisoformat(posting["recorded_at"])
        for entry in posting["entries"]:
            if entry["sign"] == 1 and "fit_id" in entry:
                assert at >= published.get(entry["fit_id"], at)
        said = {(entry["model"], entry["revision"]) for entry in posting["entries"]}
        assert len({number for _, number in said}) == 1
        for model, number in said:
            place = posting["conversion_id"], posting["profile_id"], model, number
            assert place not in seen, "two postings of one model under one number"
            seen.add(place)


def sums_by_fit(loop: Loopback) -> dict[tuple[str, str, str], Decimal]:
    """What the entries of each fit come to, by conversion and model."""
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for record in loop.records(topics.CREDITS.name):
        posting = json.loads(record.value or b"")
        for entry in posting["entries"]:
            if "fit_id" in entry:
                sums[posting["conversion_id"], entry["model"], entry["fit_id"]] += Decimal(entry["credit"])
    return sums


@given(SEEDS, PARTITIONS, SEEDS)
@settings(max_examples=120, deadline=None, phases=PHASES)
def test_the_fits_in_force_split_every_conversion_after_all_have_looked_again(
    seed: int, partitions: int, interleaving: int
) -> None:
    def law(history: History) -> None:
        catalogue, chance = catalogue_of(history), random.Random(interleaving)
        loop = Loopback([ResolveStage(catalogue), FoldStage(catalogue)], partitions, choose_by(interleaving))
        half = len(history.arrivals) // 2
        for number, arrival in enumerate(history.arrivals[:half]):
            loop.put(incoming(arrival, NOW + number))
        if chance.random() < 0.5:
            loop.run()
        in_force = publish_some(loop, chance)
        for number, arrival in enumerate(history.arrivals[half:], start=half):
            loop.put(incoming(arrival, NOW + number))
        loop.run()
        revisit_all(loop)
        assert not loop.records(topics.QUARANTINE.name)
        state = assert_split_by(in_force, end_of(loop), catalogue)
        result = resolve_all(history.events, history.commands, history.settings)
        assert_as_from_scratch(state, lives(history, result), catalogue)
        assert_no_fit_earned_before_it_was_there(loop)
        # An entry is taken back under the fit that it was written under, so each fit's entries sum to 0 or 1.
        assert set(sums_by_fit(loop).values()) <= {Decimal(0), Decimal(1)}

    hold(law, drawn(seed, journeys=True))


@given(SEEDS, PARTITIONS, SEEDS)
@settings(max_examples=40, deadline=None, phases=PHASES)
def test_who_looks_again_and_finds_nothing_other_says_nothing(seed: int, partitions: int, interleaving: int) -> None:
    def law(history: History) -> None:
        catalogue = catalogue_of(history)
        loop = Loopback([ResolveStage(catalogue), FoldStage(catalogue)], partitions, choose_by(interleaving))
        for number, arrival in enumerate(history.arrivals):
            loop.put(incoming(arrival, NOW + number))
        publish_some(loop, random.Random(interleaving))
        loop.run()
        revisit_all(loop)
        outputs = (topics.JOURNEYS, topics.CONVERSIONS, topics.CREDITS, topics.MARKS)
        before = {topic.name: len(loop.records(topic.name)) for topic in outputs}
        states = {place: dict(table) for place, table in loop.states.items()}
        revisit_all(loop)
        assert {topic.name: len(loop.records(topic.name)) for topic in outputs} == before
        assert loop.states == states

    hold(law, drawn(seed, journeys=True))
