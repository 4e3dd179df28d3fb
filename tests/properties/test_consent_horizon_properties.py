"""At the bound of a profile: decisions whose events are gone hold on, whichever way they came."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from schemas.bodies import OtherBody
from schemas.identifier import Identifier
from schemas.touchpoint import Touchpoint
from tests.properties.catalogues import catalogue_with
from tests.properties.folding import ARRIVAL, START, end_state
from tests.properties.reference import calculate
from tests.properties.storing import bounded, run_and_store

#: Touches that earn by themselves, and a conversion without a value: no visit, no order, no refund. So each conversion
#: whose window lies behind all that was dropped has a path that a calculation over everything gives too.
NAMES = [("email_clicked", "email"), ("call", "hotline"), ("newsletter_subscribed", "web"), ("email_opened", "email")]
CATALOGUE = catalogue_with(attribution={"models": ["linear", "last"], "look_back_days": 4})
LOOK_BACK = timedelta(days=4)
Shares = dict[tuple[str, str, str | None], tuple[Decimal, int]]


def drawn(number: int, chance: random.Random, deciding: float) -> Touchpoint:
    """An event of one person, on a day of two months."""
    name, channel = chance.choice(NAMES)
    properties: dict[str, object] = {}
    if chance.random() < deciding:
        name, channel = "consent_changed", "web"
        properties["analytics"] = chance.choice([True, False])
    elif chance.random() < 0.4:
        properties["context"] = {"consent": {"categoryPreferences": {"analytics": chance.choice([True, True, False])}}}
    return Touchpoint(
        event_id=UUID(int=chance.getrandbits(128)),
        source="test",
        touchpoint=name,
        channel=channel,
        occurred_at=START + timedelta(days=chance.randrange(60)),
        received_at=ARRIVAL + timedelta(seconds=number),
        identifiers=(Identifier(kind="customer", value="ada"),),
        body=OtherBody(),
        properties=properties,
    )


def standing(events: Sequence[Touchpoint], most: int) -> Shares:
    """What the conversions earn whose window lies behind all that the bound drops, by a calculation over everything."""
    in_order = sorted(events, key=lambda event: (event.occurred_at, event.event_id.bytes))
    dropped, kept = in_order[:-most], in_order[-most:]
    behind = {str(e.event_id) for e in kept if e.occurred_at - LOOK_BACK > dropped[-1].occurred_at}
    return {line: share for line, share in calculate(list(events), CATALOGUE).credits.items() if line[0] in behind}


def test_what_is_booked_behind_the_horizon_is_what_all_decisions_ever_say() -> None:
    seen: dict[str, int] = defaultdict(int)
    for seed in range(60):
        chance = random.Random(seed)
        most = chance.choice([8, 12, 20])
        deciding = chance.choice([0.1, 0.2, 0.4])
        events = [drawn(n, chance, deciding) for n in range(chance.randrange(most + 3, 2 * most + 12))]
        borders = [chance.randrange(100) for _ in range(4)]
        ledger = end_state(run_and_store(events, borders, bounded(CATALOGUE, most))[0]).credits
        expected = standing(events, most)
        conversions = {line[0] for line in expected}
        assert {line: share for line, share in ledger.items() if line[0] in conversions} == expected, f"seed {seed}"
        for _, _, line in expected:  # the visit in which somebody subscribes is a touch: it is never nobody
            seen["hidden" if line == "withheld" else "named"] += 1
    assert min(seen[line] for line in ("hidden", "named")) > 100, dict(seen)
