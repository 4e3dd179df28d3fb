"""What two catalogues differ in, and what each difference needs until all that was said follows it."""

from typing import Any

import pytest

from schemas.catalogue import DEFAULT, Catalogue, load
from schemas.catalogue_change import CatalogueChange, Difference, compare
from schemas.catalogue_digest import catalogue_from, digest_of, text_of
from schemas.rates import read_rates
from tests.properties.catalogues import CATALOGUES, EVERYTHING, RATES, catalogue_with

SHIPPED = load(DEFAULT)
DATA = SHIPPED.model_dump(mode="json", by_alias=True, exclude_unset=True)


def catalogue(**places: Any) -> Catalogue:
    """The catalogue that ships, with other values at some places (`journey__inactivity_days`); None: nothing there."""
    data = catalogue_from(text_of(SHIPPED)).model_dump(mode="json", by_alias=True, exclude_unset=True)
    for place, value in places.items():
        *path, last = place.split("__")
        section = data
        for name in path:
            section = section.setdefault(name, {})
        if value is None:
            del section[last]
        else:
            section[last] = value
    return Catalogue.model_validate(data)


def changed(**places: Any) -> CatalogueChange:
    return compare(SHIPPED, catalogue(**places))


PRO = {"touchpoints": ["account_created"], "where": [{"field": "properties.plan", "is": "pro"}]}
BY_FIELD = {"touchpoints": ["account_created"], "value": "field", "field": "properties.worth", "currency": "EUR"}
RENEWED: dict[str, tuple[dict[str, Any], str, str]] = {
    "the gap of visits": (
        {"journey__visit_gap_minutes": 10},
        "journey.visit_gap_minutes",
        "a pause of 10 minutes begins a new visit (was 30)",
    ),
    "inactivity": (
        {"journey__inactivity_days": 60},
        "journey.inactivity_days",
        "a pause longer than 60 days begins a new journey (was 30)",
    ),
    "after-sales": (
        {"journey__after_sales_days": 7},
        "journey.after_sales_days",
        "after-sales touchpoints belong to the sale's journey for 7 days (was 14)",
    ),
    "the look-back": (
        {"attribution__look_back_days": 14},
        "attribution.look_back_days",
        "touches of the last 14 days before a conversion may earn credit (was 30)",
    ),
    "the longest path": (
        {"attribution__max_path": 7},
        "attribution.max_path",
        "at most 7 touches share a conversion (was 100)",
    ),
    "stopping at conversions": (
        {"attribution__stop_at_conversion": True},
        "attribution.stop_at_conversion",
        "what came before a closing conversion earns nothing of the next",
    ),
    "another model": (
        {"attribution__models": [*SHIPPED.attribution.models, "linear_channel"]},
        "attribution.models.linear_channel",
        "the model 'linear_channel' is new",
    ),
    "a model less": (
        {"attribution__models": [name for name in SHIPPED.attribution.models if name != "last"]},
        "attribution.models.last",
        "the model 'last' is gone: its credits are taken back",
    ),
    "a model with other parameters": (
        {
            "attribution__models": {name: {} for name in SHIPPED.attribution.models}
            | {"time_decay": {"half_life_days": 3}}
        },
        "attribution.models.time_decay",
        "the model 'time_decay' has other settings: half_life_days 3.0 (was 7)",
    ),
    "a touchpoint that may earn credit": (
        {"touchpoints__email_sent__credit": True},
        "touchpoints.email_sent",
        "the touchpoint 'email_sent': may earn credit (was: earns no credit)",
    ),
    "a touchpoint of another phase, that of after-sales": (
        {"touchpoints__email_sent__phase": "Retention"},
        "touchpoints.email_sent",
        "the touchpoint 'email_sent': phase 'Retention' (was 'Favorability')",
    ),
    "another conversion's closing": (
        {"conversions__purchase__closing": False},
        "conversions.purchase",
        "the conversion 'purchase': does not close the journey",
    ),
    "a fixed value": (
        {"conversions__purchase__value": "fixed", "conversions__purchase__amount": "5"}
        | {"conversions__purchase__currency": "EUR"},
        "conversions.purchase",
        "the conversion 'purchase': worth 5 EUR (was the touchpoint's amount)",
    ),
}


@pytest.mark.parametrize("name", RENEWED)
def test_what_profiles_keep_is_renewed_without_reading_anything_again(name: str) -> None:
    places, place, says = RENEWED[name]
    change = changed(**places)
    assert change.differences == (Difference(place, says, "renew"),)
    assert change.needs == "renew"
    assert change.reread == frozenset()


UNTOUCHED: dict[str, dict[str, Any]] = {
    "a label": {"touchpoints__page_view__label": "Page"},
    "a department": {"touchpoints__page_view__department": "Web team"},
    "a phase that is not after-sales": {"touchpoints__page_view__phase": "Awareness"},
    "a sender's name": {"touchpoints__page_view__events": ["Seite"]},
    "a channel's name": {"channels__web": "Shop"},
    "how receipts are read": {"store__delimiter": ";"},
    "who is one person": {"identity__max_hops": 4},
    "where visitors come from": {"web__own_domains": ["shop.example"]},
    "what counts as research": {"ropo__research": ["page_view"]},
    "a new touchpoint like the one it is part of": {
        "touchpoints__page_view.top": {"label": "Top", "phase": "Intent", "channel": "web", "department": "Shop"}
        | {"visit": True}
    },
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_no_profile_asks_for_touches_nothing_and_leaves_the_digest_as_it_is(name: str) -> None:
    change = changed(**UNTOUCHED[name])
    assert change.needs == "nothing"
    assert len(change.differences) == 1
    assert change.reread == frozenset()


@pytest.mark.parametrize("name", [name for name in UNTOUCHED if "new touchpoint" not in name])
def test_the_digest_is_the_same_where_nothing_that_decides_has_changed(name: str) -> None:
    assert digest_of(catalogue(**UNTOUCHED[name])) == digest_of(SHIPPED)


@pytest.mark.parametrize("name", RENEWED)
def test_the_digest_differs_where_profiles_must_be_renewed(name: str) -> None:
    assert digest_of(catalogue(**RENEWED[name][0])) != digest_of(SHIPPED)


REREAD: dict[str, tuple[dict[str, Any], frozenset[str] | None]] = {
    "a conversion under a condition": (
        {"conversions": {"pro": PRO} | DATA["conversions"]},
        frozenset({"account_created"}),
    ),
    "a value in a field": ({"conversions__account": BY_FIELD}, frozenset({"account_created"})),
    "a name that has reached nothing so far": (
        {"conversions__call_back": {"touchpoints": ["call"]}},
        frozenset({"call"}),
    ),
    "a condition on any touchpoint": (
        {"conversions__spring": {"where": [{"field": "campaign", "is": "spring"}]}},
        None,
    ),
    "where consent stands": ({"attribution__consent__fields": ["consent.ads"]}, None),
    "what silence means": ({"attribution__consent__unknown": "withheld"}, None),
    "by what people decide": (
        {"attribution__consent__decisions": ["signed_in"]},
        frozenset({"signed_in", "consent_changed"}),
    ),
    "where a decision stands": (
        {"attribution__consent__decision_fields": ["ads"]},
        frozenset({"consent_changed"}),
    ),
}


@pytest.mark.parametrize("name", REREAD)
def test_what_lies_in_touchpoints_is_read_again_and_nothing_else(name: str) -> None:
    places, names = REREAD[name]
    change = changed(**places)
    assert change.needs == "reread"
    assert change.reread == names
    assert digest_of(catalogue(**places)) != digest_of(SHIPPED)


KIOSK = {"label": "Kiosk", "phase": "Conversion", "channel": "store", "department": "Sales"}


def test_a_part_that_gets_an_entry_of_its_own_leaves_what_its_whole_reaches_and_is_read_again_when_it_comes_back() -> (
    None
):
    own = catalogue(**{"touchpoints__store_purchase.kiosk": KIOSK})
    change = compare(SHIPPED, own)
    says = "the touchpoint 'store_purchase.kiosk' is new: earns no credit, phase Conversion"
    says += "; it no longer converts or takes money back as 'store_purchase' does"
    assert change.differences == (Difference("touchpoints.store_purchase.kiosk", says, "renew"),)
    assert change.reread == frozenset()
    back = compare(own, SHIPPED)
    says = "the touchpoint 'store_purchase.kiosk' is gone: it counts as 'store_purchase' does"
    assert back.differences == (Difference("touchpoints.store_purchase.kiosk", says, "reread"),)
    assert back.reread == frozenset({"store_purchase.kiosk"})
    listed = own.model_copy(update={"refunds": (*own.refunds, "store_purchase.kiosk")})
    assert compare(own, listed).needs == "renew"


def test_a_part_of_a_refund_with_an_entry_of_its_own_takes_nothing_back() -> None:
    change = changed(**{"touchpoints__store_return.damaged": KIOSK | {"phase": "Retention"}})
    assert (change.needs, change.reread) == ("renew", frozenset())


def test_a_conversion_that_goes_needs_no_touchpoint_read_again() -> None:
    conditional = catalogue(conversions={"pro": PRO} | DATA["conversions"])
    change = compare(conditional, SHIPPED)
    assert [each.place for each in change.differences] == ["conversions.pro"]
    assert (change.needs, change.reread) == ("renew", frozenset())


def test_where_a_field_gave_the_value_the_amount_is_read_again() -> None:
    change = compare(catalogue(conversions__account=BY_FIELD), SHIPPED)
    assert change.reread == frozenset({"account_created"})


def test_the_first_conversion_that_holds_counts_so_another_order_is_a_change() -> None:
    other = dict(reversed(DATA["conversions"].items()))
    change = changed(conversions=other)
    assert [each.place for each in change.differences] == ["conversions"]
    assert digest_of(catalogue(conversions=other)) != digest_of(SHIPPED)


def test_rates_are_compared_by_what_they_say() -> None:
    text = RATES.replace("2026-01-20,1.1173,", "2026-01-20,1.1174,")
    table = read_rates(text.splitlines(), "EUR")
    other = EVERYTHING.model_copy(update={"currencies": EVERYTHING.currencies.with_table(table)})
    assert [each.place for each in compare(EVERYTHING, other).differences] == ["currencies.rates"]
    assert digest_of(EVERYTHING) != digest_of(other)
    same = EVERYTHING.model_copy(
        update={"currencies": EVERYTHING.currencies.with_table(read_rates(RATES.splitlines(), "EUR"))}
    )
    assert compare(EVERYTHING, same).differences == ()
    assert digest_of(EVERYTHING) == digest_of(same)
    assert compare(EVERYTHING, same, rates_differ=True).needs == "renew"


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_catalogue_written_as_text_is_read_as_the_same(name: str) -> None:
    original = CATALOGUES[name]
    read = catalogue_from(text_of(original))
    assert compare(original, read, rates_differ=False).differences == ()
    if original.currencies.reporting is None:
        assert digest_of(read) == digest_of(original)


def test_all_differences_of_two_catalogues_are_told() -> None:
    change = compare(SHIPPED, EVERYTHING)
    assert change.reread is None
    places = {each.place for each in change.differences}
    assert {"attribution.look_back_days", "conversions.big_purchase", "currencies.reporting", "refunds"} <= places
    assert compare(SHIPPED, SHIPPED) == CatalogueChange(())


def test_one_refund_more_is_told_by_its_name() -> None:
    change = compare(SHIPPED, catalogue_with(refunds=[*SHIPPED.refunds, "delivery"]))
    says = "'delivery' takes money back from the order that it names"
    assert change.differences == (Difference("refunds", says, "renew"),)
