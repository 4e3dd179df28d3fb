"""All that can restate at once: late events, merges, consent, fits, changed catalogues, erasures, in any interleaving.

Each cause has properties of its own; here they meet.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings

from schemas.catalogue import Catalogue
from schemas.erasure import NOBODY, Erasure
from schemas.resolved import Resolved
from schemas.topics import RESOLVED
from streams.core import touch_log
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.properties.changing import ChangingFold, drawn_catalogues, reread, revisit
from tests.properties.folding import ARRIVAL, EndState
from tests.properties.identity_histories import History, drawn
from tests.properties.identity_reference import resolve_all
from tests.properties.identity_running import assert_as_from_scratch, choose_by, end_of, incoming, profiles
from tests.properties.storing import profiles_in
from tests.properties.test_identity_properties import PHASES, SEEDS, hold, lives, sent_once
from tests.properties.test_published_models import NOW, publish_some

#: A profile that holds so few touchpoints soon has conversions that are sealed.
FEW = 10


def catalogues_of(seed: int, history: History, most: int | None) -> list[Catalogue]:
    """Catalogues that come into force one after the other."""
    found = []
    for catalogue in drawn_catalogues(seed, 1 + seed % 4):
        bound = {} if most is None else {"max_touchpoints": most}
        journey = catalogue.journey.model_copy(update=bound)
        found.append(catalogue.model_copy(update={"identity": history.settings, "journey": journey}))
    return found


def known(loop: Loopback) -> list[UUID]:
    """The profiles that the fold holds."""
    tables = [table for (stage, _), table in loop.states.items() if stage == "fold"]
    return sorted(UUID(profile) for table in tables for profile in profiles_in(table))


def erase_one(loop: Loopback, chance: random.Random) -> None:
    """Somebody demands to be erased."""
    if found := known(loop):
        profile = chance.choice(found)
        demand = Erasure(evidence=UUID(int=chance.getrandbits(128), version=4), recorded_at=ARRIVAL)
        value = Resolved(profile_id=profile, erasure=demand).model_dump_json(exclude_none=True)
        loop.put(Output(RESOLVED.name, str(profile).encode(), value.encode(), NOW))


def play(seed: int, history: History, catalogues: list[Catalogue], *, erasing: bool) -> EndState:
    """Let all of it happen, then let every profile look again, and read again what has landed."""
    chance = random.Random(seed)
    fold = ChangingFold(FoldStage(catalogues[0]))
    loop = Loopback([ResolveStage(catalogues[0]), fold], chance.choice([1, 2, 3]), choose_by(seed))
    waiting = [incoming(arrival, NOW + number) for number, arrival in enumerate(history.arrivals)]
    coming = catalogues[1:]
    for step in range(chance.randint(2, 6), 0, -1):
        share = len(waiting) // step
        for output in waiting[:share]:
            loop.put(output)
        waiting = waiting[share:]
        if chance.random() < 1 / 2:
            loop.run()
        what = chance.choice(["publish", "change", "erase", "nothing"])
        if what == "publish":
            publish_some(loop, chance)
        elif what == "change" and coming:
            fold.stage = FoldStage(coming.pop(0))
        elif what == "erase" and erasing:
            erase_one(loop, chance)
    assert not waiting
    loop.run()
    fold.stage = FoldStage(catalogues[-1])
    for profile in known(loop):
        loop.put(revisit(profile, catalogues[-1]))
    loop.run()
    where = profiles(loop)
    for event in {event.event_id: event for event in history.events}.values():
        home = where.get(event.event_id)
        if home is not None:
            loop.put(reread(home, event))
    loop.run()
    return end_of(loop)


def assert_books_are_whole(state: EndState) -> dict[str, set[str]]:
    """Per conversion and model, credit sums to 1 and value to the net; give the models of each conversion."""
    sums: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [Decimal(0), 0])
    models: dict[str, set[str]] = defaultdict(set)
    for (conversion, model, _), (credit, value) in state.credits.items():
        sums[conversion, model][0] += credit
        sums[conversion, model][1] += value
        models[conversion].add(model)
    assert sums == {
        (conversion, model): [Decimal(1), state.conversions[conversion]["net_minor"]] for conversion, model in sums
    }
    assert set(models) == set(state.conversions)
    return models


@contextmanager
def chunks_of(seed: int) -> Iterator[None]:
    """Short chunks in half of the runs: they make a few events as rich in chunks as hundreds are."""
    with pytest.MonkeyPatch.context() as patch:
        if seed % 2:
            patch.setattr(touch_log, "TAIL", 5)
            patch.setattr(touch_log, "SEALED", 3)
        yield


@given(SEEDS)
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_without_erasures_the_end_is_that_of_the_last_catalogue_from_scratch(seed: int) -> None:
    def law(history: History) -> None:
        catalogues = catalogues_of(seed, history, None)
        with chunks_of(seed):
            state = play(seed, history, catalogues, erasing=False)
        models = assert_books_are_whole(state)
        own = set(catalogues[-1].attribution.models)
        assert len({frozenset(found) for found in models.values()}) <= 1
        assert all(found >= own for found in models.values())
        result = resolve_all(history.events, history.commands, history.settings, catalogues[0])
        credits_ = {key: figures for key, figures in state.credits.items() if key[1] in own}
        assert_as_from_scratch(replace(state, credits=credits_), lives(history, result), catalogues[-1])

    hold(law, drawn(seed, journeys=True))


@given(SEEDS)
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_with_erasures_the_books_are_whole_and_nobody_keeps_what_was_erased(seed: int) -> None:
    def law(history: History) -> None:
        # Of an event sent twice, one copy can be in its new profile while the old one, with the other, is erased.
        alone = sent_once(history)
        catalogues = catalogues_of(seed, alone, None)
        with chunks_of(seed):
            state = play(seed, alone, catalogues, erasing=True)
        models = assert_books_are_whole(state)
        own = set(catalogues[-1].attribution.models)
        for conversion, record in state.conversions.items():
            assert record["profile_id"] == str(NOBODY) or models[conversion] >= own

    hold(law, drawn(seed, journeys=True))


@given(SEEDS)
@example(41)
@settings(max_examples=60, deadline=None, phases=PHASES)
def test_where_profiles_outgrow_their_bound_the_books_are_whole(seed: int) -> None:
    def law(history: History) -> None:
        alone = sent_once(history)
        with chunks_of(seed):
            assert_books_are_whole(play(seed, alone, catalogues_of(seed, alone, FEW), erasing=False))

    hold(law, drawn(seed, journeys=True))
