"""One visit to the cinema, 18 touchpoints, with every figure written down by hand.

The way, and what each step is in the rules (`order`: names ticket order T-1007; times are UTC, year 2026):

| # | when | touchpoint | channel | touch? |
|---|---|---|---|---|
| 1 | 10 Feb 20:00:00 | friend's tip | referral | no: a tip is not in the list of what may earn credit |
| 2 | 11 Feb 08:15:00 | social post | social | no: seen, not clicked |
| 3 | 12 Feb 07:30:00 | press review | print | no |
| 4 | 12 Feb 12:05:00 | poster in a window | print | no |
| 5 | 12 Feb 19:10:00 | web research | web | YES: opens a visit; 30 days before the ticket to the microsecond |
| 6 | 12 Feb 19:39:59 | price comparison | web | no: 29:59 after 5 on the same device, so the same visit |
| 7 | 10 Mar 21:00:00 | reservation by web | web | YES: opens the second visit |
| 8 | 10 Mar 21:01:00 | confirmation e-mail | email | no: sent is not clicked |
| 9 | 13 Mar 10:30:00 | question to the hotline | hotline | YES: a call |
| 10 | 14 Mar 19:00:00 | car park | store | no |
| 11 | 14 Mar 19:05:00 | foyer | store | YES: the branch visit |
| 12 | 14 Mar 19:10:00 | box office | store | 25.90 EUR, order: the closing conversion; its own event earns nothing |
| 13 | 14 Mar 19:20:00 | snack counter | store | 9.20 EUR: a micro-conversion; Retention phase, so this journey |
| 14 | 14 Mar 19:25:00 | ticket check | store | order |
| 15 | 14 Mar 19:30:00 | film | store | Retention phase |
| 16 | 14 Mar 22:00:00 | bar.drinks | store | Retention phase of its whole, the bar |
| 17 | 14 Mar 22:45:00 | leaving | store | Retention phase |
| 18 | 20 Mar 09:00:00 | programme booklet | direct_mail | YES, but after both conversions; 6 days later: same journey |

The ticket's window is [12 Feb 19:10:00, 14 Mar 19:10:00], both borders in: 5, 7, 9, 11.
The snack's window is [12 Feb 19:20:00, 14 Mar 19:20:00]: a visit stands where it opened, so 5 is out: 7, 9, 11.
"""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from schemas.base import profile_id
from schemas.bodies import EmailBody, HotlineBody, OtherBody, StoreBody, WebBody
from schemas.catalogue import Catalogue, load
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from tests.properties.folding import EndState, end_state, run

HERE = Path(__file__).parent
CATALOGUES = [HERE / "cinema_six_phases.toml", HERE / "cinema_three_phases.toml"]

BODIES = {"web": WebBody, "email": EmailBody, "hotline": HotlineBody, "store": StoreBody}


def number(n: int) -> str:
    """The event id of touchpoint `n` in the table."""
    return f"00000000-0000-4000-8000-0000000000{n:02d}"


def touch(
    n: int,
    when: str,
    touchpoint: str,
    channel: str,
    *,
    device: bool = False,
    campaign: str | None = None,
    order: str | None = None,
    amount: str | None = None,
) -> Touchpoint:
    occurred_at = datetime.fromisoformat(f"2026-{when}").replace(tzinfo=UTC)
    who = [Identifier(kind="customer", value="visitor-18")]
    if device:
        who.append(Identifier(kind="anonymous", value="browser-1"))
    return Touchpoint(
        event_id=UUID(number(n)),
        source="cinema",
        touchpoint=touchpoint,
        channel=channel,
        occurred_at=occurred_at,
        received_at=occurred_at + timedelta(seconds=1),
        identifiers=tuple(who),
        campaign=Campaign(name=campaign) if campaign else None,
        order_id=order,
        amount=Money(amount=Decimal(amount), currency="EUR") if amount else None,
        body=BODIES.get(channel, OtherBody)(),
    )


VISIT = [
    touch(1, "02-10T20:00:00", "friends_tip", "referral"),
    touch(2, "02-11T08:15:00", "social_post", "social"),
    touch(3, "02-12T07:30:00", "press_review", "print"),
    touch(4, "02-12T12:05:00", "poster", "print"),
    touch(5, "02-12T19:10:00", "web_research", "web", device=True),
    touch(6, "02-12T19:39:59", "price_comparison", "web", device=True),
    touch(7, "03-10T21:00:00", "reservation", "web", device=True, campaign="march_programme"),
    touch(8, "03-10T21:01:00", "confirmation_mail", "email"),
    touch(9, "03-13T10:30:00", "hotline_question", "hotline"),
    touch(10, "03-14T19:00:00", "car_park", "store"),
    touch(11, "03-14T19:05:00", "foyer", "store"),
    touch(12, "03-14T19:10:00", "box_office", "store", order="T-1007", amount="25.90"),
    touch(13, "03-14T19:20:00", "snack_counter", "store", amount="9.20"),
    touch(14, "03-14T19:25:00", "ticket_check", "store", order="T-1007"),
    touch(15, "03-14T19:30:00", "film", "store"),
    touch(16, "03-14T22:00:00", "bar.drinks", "store"),
    touch(17, "03-14T22:45:00", "leaving", "store"),
    touch(18, "03-20T09:00:00", "programme_booklet", "direct_mail"),
]

PROFILE = "78b9818b-d077-50ed-9f13-b2efaa7af343"  # UUIDv5 of `customer:visitor-18`
JOURNEY = "33035ee0-2ade-59c6-a908-955c43e0cac4"  # UUIDv5 of the profile and event 1
TICKET, SNACK = number(12), number(13)
RESEARCH, RESERVATION, CALL, FOYER = number(5), number(7), number(9), number(11)

#: 18 touchpoints; touches 5, 7, 9, 11, 18; visits 5 and 7; conversions 12 and 13; channels in order of first use.
EXPECTED_JOURNEY = {
    "journey_id": JOURNEY,
    "profile_id": PROFILE,
    "withdrawn": False,
    "status": "converted",
    "opening_event": number(1),
    "opened_at": "2026-02-10T20:00:00Z",
    "last_at": "2026-03-20T09:00:00Z",
    "converted_at": "2026-03-14T19:10:00Z",
    "closing_conversion": TICKET,
    "touchpoints": 18,
    "touches": 5,
    "visits": 2,
    "conversions": 2,
    "channels": ["referral", "social", "print", "web", "email", "hotline", "store", "direct_mail"],
    "first_touchpoint": "friends_tip",
    "last_touchpoint": "programme_booklet",
}

#: conversion → (name, closing, order, gross = net in cents, path)
EXPECTED_CONVERSIONS = {
    TICKET: ("ticket", True, "T-1007", 2590, [RESEARCH, RESERVATION, CALL, FOYER]),
    SNACK: ("snack", False, None, 920, [RESERVATION, CALL, FOYER]),
}

#: (conversion, model, touch) → (credit, cents)
EXPECTED_CREDITS = {
    # All of 25.90 to the touch that came first in the window, or last.
    (TICKET, "first", RESEARCH): ("1", 2590),
    (TICKET, "last", FOYER): ("1", 2590),
    # 2590 / 4 = 647 each and 2 cents over; all remainders are equal, so the two earliest get them.
    (TICKET, "linear", RESEARCH): ("0.25", 648),
    (TICKET, "linear", RESERVATION): ("0.25", 648),
    (TICKET, "linear", CALL): ("0.25", 647),
    (TICKET, "linear", FOYER): ("0.25", 647),
    (SNACK, "first", RESERVATION): ("1", 920),
    (SNACK, "last", FOYER): ("1", 920),
    # 920 / 3 = 306 each and 2 cents over; 1 / 3 in billionths leaves one over.
    (SNACK, "linear", RESERVATION): ("0.333333334", 307),
    (SNACK, "linear", CALL): ("0.333333333", 307),
    (SNACK, "linear", FOYER): ("0.333333333", 306),
}


def check(state: EndState) -> None:
    assert list(state.journeys) == [JOURNEY]
    assert {k: state.journeys[JOURNEY][k] for k in EXPECTED_JOURNEY} == EXPECTED_JOURNEY
    conversions = {
        key: (
            record["conversion"],
            record["closing"],
            record["order_id"],
            record["net_minor"],
            [step["touchpoint_id"] for step in record["path"]],
        )
        for key, record in state.conversions.items()
    }
    assert conversions == EXPECTED_CONVERSIONS
    for record in state.conversions.values():
        assert record["gross_minor"] == record["net_minor"]
        assert (record["currency"], record["minor_digits"]) == ("EUR", 2)
        assert record["journey_id"] == JOURNEY
    assert state.credits == {key: (Decimal(credit), cents) for key, (credit, cents) in EXPECTED_CREDITS.items()}


@pytest.fixture(params=CATALOGUES, ids=lambda path: path.stem)
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    path: Path = request.param
    return load(path)


def test_the_profile_is_the_one_that_the_customer_number_names() -> None:
    assert str(profile_id("customer:visitor-18")) == PROFILE


def test_the_visit_is_one_journey_with_the_credits_written_down(catalogue: Catalogue) -> None:
    check(end_state(run(VISIT, [], catalogue)))


def test_one_event_a_batch_comes_to_the_same(catalogue: Catalogue) -> None:
    check(end_state(run(VISIT, range(len(VISIT)), catalogue)))


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_arrival_comes_to_the_same(catalogue: Catalogue, seed: int) -> None:
    shuffled = list(VISIT)
    random.Random(seed).shuffle(shuffled)
    check(end_state(run(shuffled, [5, 11], catalogue)))


def test_the_newest_first_and_everything_twice_come_to_the_same(catalogue: Catalogue) -> None:
    check(end_state(run([*reversed(VISIT), *VISIT], [], catalogue)))


def test_in_order_the_ledger_needs_no_reversal(catalogue: Catalogue) -> None:
    credits_ = [o for o in run(VISIT, [], catalogue) if o.topic == "touchpath.credits"]
    assert len(credits_) == 2  # one posting for the ticket, one for the snack
    assert not any(b'"sign":-1' in output.value for output in credits_)


def test_both_phase_presets_give_the_same_result() -> None:
    six, three = (load(path) for path in CATALOGUES)
    assert len(six.phases) == 6
    assert three.phases == ("Activation", "Information", "Action", "Retention")
    assert run(VISIT, [], six) == run(VISIT, [], three)
