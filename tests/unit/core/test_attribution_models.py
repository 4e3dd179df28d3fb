"""One path of five touches in every model and behind every transform, with each figure written down by hand.

| # | day | touch | channel |
|---|---|---|---|
| 1 | 0 | visit from a search | search |
| 2 | 7 | click in a mailing | email |
| 3 | 14 | visit from a search | search |
| 4 | 21 | visit from a search | search |
| 5 | 28 | direct visit | web |

The purchase is a minute later, 10.00 EUR: 1000 cents.
"""

from decimal import Decimal
from typing import Any

import pytest

from schemas.attributing import AttributionSettings
from tests.properties.catalogues import EVERYTHING, catalogue_with
from tests.unit.core.life import DAY, MINUTE, attributing, event, identifier, purchase, tell

PATH = [
    event(1, 0 * DAY, "page_view", "search"),
    event(2, 7 * DAY, "email_clicked", "email"),
    event(3, 14 * DAY, "page_view", "search"),
    event(4, 21 * DAY, "page_view", "search"),
    event(5, 28 * DAY, "page_view", "web"),
]
BOUGHT = purchase(9, 28 * DAY + MINUTE, "o1", "10.00")

#: Model and settings: cents, and credit in billionths, of the five touches.
BY_HAND: dict[str, tuple[dict[str, Any], list[int], list[int]]] = {
    "first": ({}, [1000, 0, 0, 0, 0], [10**9, 0, 0, 0, 0]),
    "last": ({}, [0, 0, 0, 0, 1000], [0, 0, 0, 0, 10**9]),
    "last_non_direct": ({}, [0, 0, 0, 1000, 0], [0, 0, 0, 10**9, 0]),
    "linear": ({}, [200] * 5, [200_000_000] * 5),
    # Three channels, a third each; search shares its third among three. The unit left goes to the largest remainder.
    "linear_channel": (
        {},
        [111, 334, 111, 111, 333],
        [111_111_111, 333_333_334, 111_111_111, 111_111_111, 333_333_333],
    ),
    # 40 %, 6 2/3 % three times, 40 %. Two units are left: to the earlier ones.
    "position_based": ({}, [400, 67, 67, 66, 400], [400_000_000, 66_666_667, 66_666_667, 66_666_666, 400_000_000]),
    # 1, 2, 4, 8, 16 of 31.
    "time_decay": (
        {},
        [32, 65, 129, 258, 516],
        [32_258_065, 64_516_129, 129_032_258, 258_064_516, 516_129_032],
    ),
    # Four weeks are two half-lives of 14 days: 1/4, 1/4·√2, 1/2, 1/2·√2 and 1, of 2.8106… together.
    "time_decay of 14 days": (
        {"kind": "time_decay", "half_life_days": 14},
        [89, 126, 178, 251, 356],
        [88_947_075, 125_790_159, 177_894_149, 251_580_319, 355_788_298],
    ),
    "position_based 60/0/40": (
        {"kind": "position_based", "weights": [60, 0, 40]},
        [600, 0, 0, 0, 400],
        [600_000_000, 0, 0, 0, 400_000_000],
    ),
    "position_based 0/1/0": (
        {"kind": "position_based", "weights": [0, 1, 0]},
        [0, 334, 333, 333, 0],
        [0, 333_333_334, 333_333_333, 333_333_333, 0],
    ),
    "linear, unique": ({"kind": "linear", "transforms": ["unique"]}, [200] * 5, [200_000_000] * 5),
    "linear, exposure": (
        {"kind": "linear", "transforms": ["exposure"]},
        [250, 250, 250, 0, 250],
        [250_000_000, 250_000_000, 250_000_000, 0, 250_000_000],
    ),
    "linear, first": (
        {"kind": "linear", "transforms": ["first"]},
        [334, 333, 0, 0, 333],
        [333_333_334, 333_333_333, 0, 0, 333_333_333],
    ),
    "linear, remove direct": (
        {"kind": "linear", "transforms": ["remove_direct"]},
        [250, 250, 250, 250, 0],
        [250_000_000, 250_000_000, 250_000_000, 250_000_000, 0],
    ),
    "last, exposure, then remove direct": (
        {"kind": "last", "transforms": ["exposure", "remove_direct"]},
        [0, 0, 1000, 0, 0],
        [0, 0, 10**9, 0, 0],
    ),
    # 1, 2 and 16 of 19.
    "time decay, first": (
        {"kind": "time_decay", "transforms": ["first"]},
        [53, 105, 0, 0, 842],
        [52_631_579, 105_263_158, 0, 0, 842_105_263],
    ),
}


def told(settings: dict[str, Any], name: str) -> tuple[list[int], list[int]]:
    """Cents and credit of the five touches, as the real stages write them."""
    models = AttributionSettings.model_validate({"models": {name: settings}}).models
    state = tell([*PATH, BOUGHT], attributing(models=models))
    lines = [state.credits.get((identifier(9), name, identifier(n)), (Decimal(0), 0)) for n in range(1, 6)]
    assert len(state.credits) == sum(line != (0, 0) for line in lines)
    return [value for _, value in lines], [int(credit.scaleb(9)) for credit, _ in lines]


@pytest.mark.parametrize(("case", "settings", "cents", "credit"), [(case, *row) for case, row in BY_HAND.items()])
def test_a_path_of_five_touches_earns_what_was_calculated_by_hand(
    case: str, settings: dict[str, Any], cents: list[int], credit: list[int]
) -> None:
    name = case if not settings else "ours"
    assert told(settings, name) == (cents, credit)


@pytest.mark.parametrize("kind", ["linear", "position_based", "linear_channel"])
def test_two_touches_get_a_half_each_and_one_gets_all(kind: str) -> None:
    catalogue = attributing(models=AttributionSettings.model_validate({"models": [kind]}).models)
    both = tell([PATH[0], PATH[1], BOUGHT], catalogue).credits
    assert sorted(both.values()) == [(Decimal("0.5"), 500)] * 2
    assert list(tell([PATH[3], BOUGHT], catalogue).credits.values()) == [(Decimal(1), 1000)]


def test_two_touches_get_a_half_each_whatever_the_weights_of_the_positions() -> None:
    models = AttributionSettings.model_validate({"models": {"position_based": {"weights": [70, 20, 10]}}}).models
    state = tell([PATH[0], PATH[1], BOUGHT], attributing(models=models))
    assert sorted(state.credits.values()) == [(Decimal("0.5"), 500)] * 2


def test_where_all_visits_are_direct_the_last_one_gets_it_and_removing_them_removes_none() -> None:
    tables = {"last_non_direct": {}, "linear": {"transforms": ["remove_direct"]}}
    models = AttributionSettings.model_validate({"models": tables}).models
    direct = [event(1, 0 * DAY), event(2, DAY)]
    state = tell([*direct, BOUGHT], attributing(models=models))
    assert {key[1:]: value for key, value in state.credits.items()} == {
        ("last_non_direct", identifier(2)): (Decimal(1), 1000),
        ("linear", identifier(1)): (Decimal("0.5"), 500),
        ("linear", identifier(2)): (Decimal("0.5"), 500),
    }


@pytest.mark.parametrize(
    ("visit", "direct"),
    [
        (event(1, 0 * DAY), True),
        (event(1, 0 * DAY, "screen_view", "app"), True),
        (event(1, 0 * DAY, campaign="spring"), False),
        (event(1, 0 * DAY, "page_view", "referral"), False),
        (event(1, 0 * DAY, "call", "hotline"), False),
    ],
    ids=["site", "app", "campaign", "referral", "call"],
)
def test_direct_is_a_visit_to_site_or_app_without_a_campaign(visit: Any, direct: bool) -> None:
    """A call before it shows which of the two the last non-direct touch is."""
    models = AttributionSettings.model_validate({"models": ["last_non_direct"]}).models
    state = tell([event(5, -DAY, "call", "hotline"), visit, BOUGHT], attributing(models=models))
    assert [touch for _, _, touch in state.credits] == [identifier(5 if direct else 1)]


def test_what_a_direct_visit_lost_is_taken_back_from_whom_it_was_given_when_a_late_page_opens_the_visit_instead() -> (
    None
):
    """The view earns by itself too: it stays on the path, and is no direct visit any more."""
    catalogue = catalogue_with(
        attribution={"models": ["last_non_direct"]},
        touchpoints=EVERYTHING.model_dump()["touchpoints"],
    )
    called = event(1, -DAY, "call", "hotline")
    viewed, late = event(2, 10 * MINUTE, "product_viewed"), event(3, 5 * MINUTE)
    before = tell([called, viewed, BOUGHT], catalogue)
    assert before.credits == {(identifier(9), "last_non_direct", identifier(1)): (Decimal(1), 1000)}
    after = tell([called, viewed, BOUGHT, late], catalogue)
    assert after.credits == {(identifier(9), "last_non_direct", identifier(2)): (Decimal(1), 1000)}
