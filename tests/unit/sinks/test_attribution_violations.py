"""The view that must be empty finds each way in which a ledger can be wrong: records made by hand, a real engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from schemas import topics
from schemas.base import derived_id
from schemas.catalogue import load
from schemas.credit import CreditEntry
from sinks.catalogue import load_catalogue
from sinks.client import Store
from tests.unit.sinks.landing import Landing
from tests.unit.sinks.test_attribution_views import a_conversion, a_posting, an_entry

MODELS = ("last", "linear")
COLUMNS = "conversion_id, model, conversion_known, in_ledger, credit_due, credit_posted, value_minor_posted, overdrawn"


@pytest.fixture
def land(store: Store) -> Landing:
    """Conversions a and b, of 10.00 each, right in both models; a's touches: web, and for linear search too."""
    load_catalogue(store, load())
    land = Landing(store)
    land(topics.CONVERSIONS, a_conversion("a", "web", "search"), a_conversion("b", "web"))
    land(
        topics.CREDITS,
        a_posting(
            "a", an_entry("last", "1", 1000, "search"),
            an_entry("linear", "0.5", 500, "web"), an_entry("linear", "0.5", 500, "search"),
        ),
        a_posting("b", an_entry("last", "1", 1000, "web"), an_entry("linear", "1", 1000, "web")),
    )  # fmt: skip
    return land


def found(store: Store) -> list[tuple[Any, ...]]:
    rows = store.rows(f"SELECT {COLUMNS} FROM {store.database}.attribution_violations ORDER BY ALL")
    names = {derived_id(name): name for name in "abx"}
    return sorted((names[conversion], *rest) for conversion, *rest in rows)


def second(*entries: CreditEntry) -> Callable[[Landing], None]:
    """Post once more of conversion a."""
    return lambda land: land(topics.CREDITS, a_posting("a", *entries, cause="late_touchpoint"))


def again(model: str, credit: str, minor: int, channel: str | None, **more: Any) -> CreditEntry:
    return an_entry(model, credit, minor, channel, revision=2, **more)


def without_a_model(land: Landing) -> None:
    land(topics.CONVERSIONS, a_conversion("x", "web"))
    land(topics.CREDITS, a_posting("x", an_entry("last", "1", 1000, "web")))


Row = tuple[str, str, bool, bool, str, str, int, bool]
WRONG: dict[str, tuple[Callable[[Landing], None], Sequence[Row]]] = {
    "more than all was given": (
        second(again("linear", "0.5", 0, "email")),
        [("a", "linear", True, True, "1", "1.5", 1000, False)],
    ),
    "less than all was given": (
        second(again("last", "-0.25", 0, "search")),
        [("a", "last", True, True, "1", "0.75", 1000, False)],
    ),
    "the credit is whole, the value is not the net revenue": (
        second(again("last", "0", 1, "web")),
        [("a", "last", True, True, "1", "1", 1001, False)],
    ),
    "errors of two models that would cancel out": (
        second(again("last", "0.5", 500, "email"), again("linear", "-0.5", -500, "search")),
        [
            ("a", "last", True, True, "1", "1.5", 1500, False),
            ("a", "linear", True, True, "1", "0.5", 500, False),
        ],
    ),
    "errors of two conversions that would cancel out": (
        lambda land: land(
            topics.CREDITS,
            a_posting("a", again("last", "0.5", 500, "email")),
            a_posting("b", again("last", "-0.5", -500, "web")),
        ),
        [
            ("a", "last", True, True, "1", "1.5", 1500, False),
            ("b", "last", True, True, "1", "0.5", 500, False),
        ],
    ),
    "an entry was posted twice, under another id": (
        second(again("last", "1", 1000, "search")),
        [("a", "last", True, True, "1", "2", 2000, False)],
    ),
    "a reversal takes back what was never given, and the sums are wrong": (
        second(again("last", "-1", -1000, "email")),
        [("a", "last", True, True, "1", "0", 0, True)],
    ),
    "a reversal takes back what was never given, and the sums are right": (
        second(again("last", "-1", -1000, "email"), again("last", "1", 1000, "web")),
        [("a", "last", True, True, "1", "1", 1000, True)],
    ),
    "the line of nobody was taken back and had nothing": (
        second(again("linear", "-0.5", -500, None), again("linear", "0.5", 500, "email")),
        [("a", "linear", True, True, "1", "1", 1000, True)],
    ),
    "entries without a conversion": (
        lambda land: land(topics.CREDITS, a_posting("x", an_entry("last", "1", 1000, "web"))),
        [("x", "last", False, True, "0", "1", 1000, False)],
    ),
    "a conversion without entries": (
        lambda land: land(topics.CONVERSIONS, a_conversion("x", "web")),
        [("x", model, True, False, "1", "0", 0, False) for model in MODELS],
    ),
    "a model is missing": (
        without_a_model,
        [("x", "linear", True, False, "1", "0", 0, False)],
    ),
    "a withdrawn conversion kept its credit": (
        lambda land: land(topics.CONVERSIONS, a_conversion("a", "web", revision=2, withdrawn=True)),
        [("a", model, True, True, "0", "1", 1000, False) for model in MODELS],
    ),
    "a refund did not reach the ledger": (
        lambda land: land(topics.CONVERSIONS, a_conversion("a", "web", revision=2, net=400)),
        [("a", model, True, True, "1", "1", 1000, False) for model in MODELS],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_each_kind_of_violation_is_found_and_nothing_else(store: Store, land: Landing, what: str) -> None:
    assert found(store) == []
    harm, wanted = WRONG[what]
    harm(land)
    assert found(store) == [
        (name, model, known, posted, Decimal(due), Decimal(credit), minor, overdrawn)
        for name, model, known, posted, due, credit, minor, overdrawn in wanted
    ]


def test_what_is_right_is_no_violation(store: Store, land: Landing) -> None:
    # A restatement to another touch, to nobody, to less money; and one that was withdrawn, of which nothing is left.
    second(
        again("last", "-1", -1000, "search"), again("last", "1", 400, None),
        again("linear", "-0.5", -500, "web"), again("linear", "-0.5", -500, "search"),
        again("linear", "1", 400, None, touchpoint="withheld"),
    )(land)  # fmt: skip
    land(topics.CONVERSIONS, a_conversion("a", "web", revision=2, net=400))
    land(topics.CONVERSIONS, a_conversion("b", "web", revision=2, withdrawn=True))
    land(topics.CREDITS, a_posting("b", again("last", "-1", -1000, "web"), again("linear", "-1", -1000, "web")))
    # Copies of all of it change nothing.
    land(topics.CREDITS, a_posting("b", again("last", "-1", -1000, "web"), again("linear", "-1", -1000, "web")))
    assert found(store) == []


def test_more_models_than_a_number_has_bits_are_looked_at_one_by_one(store: Store) -> None:
    load_catalogue(store, load())
    land = Landing(store)
    names = [f"model_{number:02}" for number in range(70)]
    land(topics.CONVERSIONS, a_conversion("a", "web"), a_conversion("b", "web"))
    for name in "ab":
        land(topics.CREDITS, a_posting(name, *(an_entry(model, "1", 1000, "web") for model in names)))
    # Not of the catalogue, and never published: it must have given all or nothing.
    assert found(store) == []
    land(topics.CREDITS, a_posting("b", again(names[69], "0.5", 500, "web")))
    assert found(store) == [("b", names[69], True, True, Decimal(1), Decimal("1.5"), 1500, False)]
