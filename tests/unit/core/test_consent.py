"""Touches that nobody has allowed to attribute: they keep their place, and never their name."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from schemas.attributing import RULE_MODELS
from schemas.resolved import Resolved
from streams.core.fold import FoldStage
from tests.properties.catalogues import catalogue_with
from tests.properties.folding import ARecord, EndState, run
from tests.unit.core.life import DAY, DEFAULT, HOUR, attributing, event, identifier, purchase, tell

FIELD = "context.consent.categoryPreferences.analytics"
BOUGHT = purchase(9, DAY, "o1", "10.00")


def said(word: object) -> dict[str, Any]:
    """Properties with a word on consent, as Segment's SDKs and our snippet send it."""
    return {"context": {"consent": {"categoryPreferences": {"analytics": word, "advertising": True}}}}


def visit(n: int, word: object = True, channel: str = "search", **more: Any) -> Any:
    return event(n, n * HOUR, "page_view", channel, properties=said(word), **more)


def lines(state: EndState, model: str) -> dict[str | None, tuple[Decimal, int]]:
    return {touch: line for (_, m, touch), line in state.credits.items() if m == model}


def test_what_is_withheld_is_a_line_of_its_own_beside_the_names() -> None:
    state = tell([visit(1), visit(2, False), visit(3, False), BOUGHT])
    assert lines(state, "first") == {identifier(1): (Decimal(1), 1000)}
    assert lines(state, "last") == {"withheld": (Decimal(1), 1000)}
    assert lines(state, "linear") == {
        identifier(1): (Decimal("0.333333334"), 334),
        "withheld": (Decimal("0.666666666"), 666),
    }


def test_withheld_and_unattributed_are_told_apart() -> None:
    assert set(lines(tell([visit(1, False), BOUGHT]), "linear")) == {"withheld"}
    assert set(lines(tell([BOUGHT]), "linear")) == {None}


def test_no_entry_and_no_path_says_what_it_was() -> None:
    outputs = run(
        [visit(1, False, campaign="spring"), BOUGHT], [], catalogue_with(attribution={"models": list(RULE_MODELS)})
    )
    for output in outputs:
        if output.topic in ("touchpath.credits", "touchpath.conversions"):
            assert b"spring" not in output.value
            assert b"search" not in output.value
            assert b"page_view" not in output.value


def test_the_path_of_the_conversion_keeps_its_place_and_time() -> None:
    path = tell([visit(1, campaign="spring"), visit(2, False), BOUGHT]).conversions[identifier(9)]["path"]
    assert [(step["channel"], step["touchpoint"], step["campaign"]) for step in path] == [
        ("search", "page_view", "spring"),
        ("withheld", "withheld", None),
    ]
    assert path[1]["touched_at"] == "2026-01-01T02:00:00Z"


def test_models_do_not_look_at_what_is_withheld() -> None:
    """By channel the withheld visit is no search; and nobody may know that it was a direct one."""
    catalogue = catalogue_with(attribution={"models": ["linear_channel", "last_non_direct"]})
    state = tell([visit(1), visit(2, False), visit(3, False, channel="web"), BOUGHT], catalogue)
    assert lines(state, "linear_channel") == {identifier(1): (Decimal("0.5"), 500), "withheld": (Decimal("0.5"), 500)}
    assert lines(state, "last_non_direct") == {"withheld": (Decimal(1), 1000)}


@pytest.mark.parametrize("word", [False, "false", "denied", "No", 0])
def test_a_no_withholds(word: object) -> None:
    assert set(lines(tell([visit(1, word), BOUGHT]), "first")) == {"withheld"}


@pytest.mark.parametrize("word", [True, "true", "granted", "yes", 1, None])
def test_a_yes_does_not_and_neither_does_nothing(word: object) -> None:
    assert set(lines(tell([visit(1, word), BOUGHT]), "first")) == {identifier(1)}


def test_where_silence_is_no_consent_only_a_yes_names() -> None:
    consent = DEFAULT.attribution.consent.model_copy(update={"unknown": "withheld"})
    state = tell([visit(1), event(2, 2 * HOUR, "page_view", "search"), BOUGHT], attributing(consent=consent))
    assert set(lines(state, "linear")) == {identifier(1), "withheld"}


def test_a_no_in_one_of_several_places_is_enough() -> None:
    consent = DEFAULT.attribution.consent.model_copy(
        update={"fields": (FIELD, "context.consent.categoryPreferences.advertising")}
    )
    catalogue = attributing(consent=consent)
    assert set(lines(tell([visit(1, False), BOUGHT], catalogue), "first")) == {"withheld"}
    assert set(lines(tell([visit(1, True), BOUGHT], catalogue), "first")) == {identifier(1)}


def test_a_refund_takes_back_from_the_withheld_line_as_from_any_other() -> None:
    refunded = event(10, 2 * DAY, "store_return", "store", order="o1", amount="4.00")
    assert lines(tell([visit(1, False), BOUGHT, refunded]), "linear") == {"withheld": (Decimal(1), 600)}


def test_a_late_touch_without_consent_moves_a_share_to_the_line() -> None:
    state = tell([visit(1), BOUGHT, visit(2, False)])
    assert lines(state, "linear") == {identifier(1): (Decimal("0.5"), 500), "withheld": (Decimal("0.5"), 500)}


#: What JSON readers differ about, or give up on; each stands beside a word on consent.
ODD = {
    "a number beyond all bounds": (b"1e400", False),
    "not a number": (b"NaN", False),
    "an integer of 5,000 digits": (b"9" * 5000, True),
    "a nest of 250": (b"[" * 250 + b"]" * 250, False),
    "bytes that are no text": (b'"\xff"', True),
}


@pytest.mark.parametrize(("odd", "unreadable"), ODD.values(), ids=ODD)
def test_odd_properties_stop_nobody_and_what_cannot_be_read_is_withheld(odd: bytes, unreadable: bool) -> None:
    stage = FoldStage(DEFAULT)
    value = Resolved(profile_id=UUID(int=7), touchpoint=visit(1)).model_dump_json().encode()
    told = value.replace(b'"properties":{', b'"properties":{"odd":' + odd + b",")
    assert told != value
    bought = Resolved(profile_id=UUID(int=7), touchpoint=BOUGHT).model_dump_json().encode()
    given = [ARecord(n, b"k", each, 0, "touchpath.resolved") for n, each in enumerate((told, bought))]
    result = stage.process(0, given, lambda _: None)
    assert dict(result.counts) == {"applied": 2}
    (posting,) = [json.loads(o.value) for o in result.outputs if o.topic == "touchpath.credits"]
    assert {entry["touchpoint"] for entry in posting["entries"]} == {"withheld" if unreadable else "page_view"}
