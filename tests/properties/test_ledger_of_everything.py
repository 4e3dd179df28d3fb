"""The books balance at the bound of a profile too, whatever models, conditions, currencies and consents there are."""

import random
from collections import defaultdict
from decimal import Decimal

from schemas.money import Money
from schemas.touchpoint import Touchpoint
from tests.properties.catalogues import EVERYTHING
from tests.properties.folding import end_state
from tests.properties.storing import bounded, run_and_store
from tests.properties.test_horizon_properties import drawn


def rich(number: int, chance: random.Random) -> Touchpoint:
    """An event with properties, consent and a currency as drawn."""
    event = drawn(number, chance)
    consent = {"context": {"consent": {"categoryPreferences": {"analytics": chance.random() < 0.5}}}}
    money = event.amount and Money.from_minor(event.amount.minor, chance.choice(["EUR", "USD", "JPY", "GBP"]))
    return event.model_copy(
        update={"amount": money, "properties": chance.choice([{}, {"plan": "pro", "worth": 3}, consent])}
    )


def test_credit_sums_to_one_and_value_to_net_in_every_model_when_histories_are_cut_off() -> None:
    seen = 0
    for seed in range(60):
        chance = random.Random(seed)
        most = chance.choice([10, 10, 15, 40])
        events = [rich(number, chance) for number in range(chance.randrange(most + 2, 2 * most + 10))]
        chance.shuffle(events)
        outputs, _ = run_and_store(events, [chance.randrange(100) for _ in range(4)], bounded(EVERYTHING, most))
        state = end_state(outputs)
        sums: dict[tuple[str, str], list[Decimal | int]] = defaultdict(lambda: [Decimal(0), 0])
        for (conversion, model, _), (credit, value) in state.credits.items():
            sums[conversion, model][0] += credit
            sums[conversion, model][1] += value
        assert sums == {
            (conversion, model): [Decimal(1), record["net_minor"]]
            for conversion, record in state.conversions.items()
            for model in EVERYTHING.attribution.models
        }, f"seed {seed}"
        seen += len(state.conversions)
    assert seen > 300
