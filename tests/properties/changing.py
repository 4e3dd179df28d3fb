"""Catalogues to draw, and histories in the middle of which the catalogue changes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from schemas.base import derived_id
from schemas.catalogue import Catalogue
from schemas.catalogue_digest import digest_of
from schemas.resolved import Resolved
from schemas.revisit import Revisit
from schemas.topics import RESOLVED
from schemas.touchpoint import Touchpoint
from streams.core.fold import FoldStage
from streams.core.stage import Output, Record, StageResult, StateReader
from tests.properties.catalogues import CONVERSIONS, DEFAULT, MODELS, RATES, VIEWED, catalogue_with

#: When somebody applied the catalogue: later than all that is drawn.
APPLIED = datetime(2026, 12, 24, tzinfo=UTC)
OTHER_RATES = RATES.replace("1.1173", "1.0173").replace("2026-02-10,1.0001", "2026-02-12,0.9999")
#: By conversion, what it may be; None: there is none.
_CONVERSIONS: dict[str, list[Any]] = {
    "big_purchase": [
        None,
        None,
        CONVERSIONS["big_purchase"],
        CONVERSIONS["big_purchase"] | {"where": [{"field": "amount", "at_least": 20}], "closing": False},
    ],
    "purchase": [
        CONVERSIONS["purchase"],
        CONVERSIONS["purchase"],
        CONVERSIONS["purchase"] | {"closing": False},
        CONVERSIONS["purchase"] | {"touchpoints": ["store_purchase"]},
        CONVERSIONS["purchase"] | {"value": "fixed", "amount": "12.34", "currency": "USD"},
        CONVERSIONS["purchase"] | {"value": "none"},
        CONVERSIONS["purchase"] | {"value": "field", "field": "properties.worth", "currency": "EUR"},
        None,
    ],
    "sale": [None, None, CONVERSIONS["purchase"]],
    "account": [
        None,
        CONVERSIONS["account"],
        {"touchpoints": ["account_created"]},
        {"touchpoints": ["account_created"], "closing": True},
        {"touchpoints": ["account_created"], "value": "field", "field": "properties.worth", "currency": "EUR"},
    ],
    "pro_account": [
        None,
        CONVERSIONS["pro_account"],
        {"touchpoints": ["call"], "where": CONVERSIONS["pro_account"]["where"]},
    ],
    "spring_call": [None, None, CONVERSIONS["spring_call"]],
    "talk": [None, None, {"touchpoints": ["call", "complaint"]}, {"touchpoints": ["call"], "closing": True}],
    "seen": [None, None, {"touchpoints": ["page_view"], "where": [{"field": "campaign", "is": "spring"}]}],
}
_CONSENT: list[dict[str, Any]] = [
    {},
    {},
    {"unknown": "withheld"},
    {"fields": ["context.consent.categoryPreferences.advertising"]},
    {"decisions": ["call", "complaint"]},
    {"decision_fields": ["nowhere"]},
    {"decisions": []},
]


Parts = dict[str, Any]


def drawn_catalogues(seed: int, count: int) -> list[Catalogue]:
    """Give some catalogues, each like the one before but for some parts; equal seeds give the same ones."""
    return [_built(seed % _KINDS, number) for number in range(count)]


#: So many rows of catalogues are drawn, and each is built once.
_KINDS = 60


@lru_cache(maxsize=1000)
def _built(seed: int, number: int) -> Catalogue:
    return _drawn(seed, number)[1]


@lru_cache(maxsize=1000)
def _drawn(seed: int, number: int) -> tuple[Parts, Catalogue]:
    chance = random.Random(1000 * seed + number)
    before = _drawn(seed, number - 1)[0] if number else {}
    few = chance.choice([0.1, 0.3, 1])
    entries = _entries_of_parts(random.Random(f"entries {seed} {number}"), before.get("entries of parts"))
    while True:
        parts = {name: before.get(name, part) for name, part in _parts(chance).items()}
        parts["entries of parts"] = entries
        if number:
            parts |= {name: part for name, part in _parts(chance).items() if chance.random() < few}
        try:
            return parts, _catalogue(parts)
        except ValidationError:  # two conversions of one touchpoint, or one that takes money back
            continue


def _entries_of_parts(chance: random.Random, before: dict[str, str] | None) -> dict[str, str]:
    """Which parts of touchpoints have an entry of their own, and what is said of them."""
    if before is not None and chance.random() < 0.6:
        return before
    kinds = {"store_purchase.kiosk": ["converts", "takes back"], "order_refunded.partial": ["takes back"]}
    return {name: kind for name, some in kinds.items() if (kind := chance.choice(["", "", "stands alone", *some]))}


def _parts(chance: random.Random) -> Parts:
    return {
        **{f"conversions.{name}": chance.choice(kinds) for name, kinds in _CONVERSIONS.items()},
        "order": chance.sample(sorted(_CONVERSIONS), len(_CONVERSIONS)),
        "models": chance.sample(sorted(MODELS), chance.randint(1, 4)),
        "viewed": chance.random() < 0.4,
        "trailer": chance.choice([None, None, True, False]),
        "credit": {name: chance.random() < 0.5 for name in ("email_opened", "email_clicked", "call", "complaint")},
        "visit": {"call": chance.random() < 0.2, "page_view": chance.random() < 0.8},
        "phase": {name: chance.choice(["Consideration", "Retention"]) for name in ("email_clicked", "delivery")},
        "look_back_days": chance.choice([0, 5, 20, 30, 60]),
        "stop_at_conversion": chance.random() < 0.3,
        "max_path": chance.choice([2, 3, 100]),
        "consent": chance.choice(_CONSENT),
        "visit_gap_minutes": chance.choice([15, 30, 31, 60]),
        "inactivity_days": chance.choice([5, 30]),
        "after_sales_days": chance.choice([0, 14, 40]),
        "delivery takes back": chance.random() < 0.3,
        "reporting": chance.choice([None, "EUR", "USD"]),
        "rates": chance.choice([RATES, OTHER_RATES]),
    }


def _catalogue(parts: Parts) -> Catalogue:
    touchpoints = DEFAULT.model_dump()["touchpoints"]
    if parts["viewed"]:
        touchpoints["product_viewed"] = VIEWED
    if parts["trailer"] is not None:
        touchpoints["watched_trailer"] = VIEWED | {"visit": parts["trailer"]}
    for field in ("credit", "visit", "phase"):
        for name, value in parts[field].items():
            touchpoints[name][field] = value
    own = parts["entries of parts"]
    touchpoints |= dict.fromkeys(own, VIEWED | {"visit": False})
    converting = [name for name, kind in own.items() if kind == "converts"]
    goals = {"of_a_part": CONVERSIONS["purchase"] | {"touchpoints": converting}} if converting else {}
    reporting = parts["reporting"]
    journey = ("visit_gap_minutes", "inactivity_days", "after_sales_days")
    return catalogue_with(
        None if reporting is None else parts["rates"],
        attribution={
            "models": {name: MODELS[name] for name in parts["models"]},
            **{name: parts[name] for name in ("look_back_days", "stop_at_conversion", "max_path", "consent")},
        },
        journey={name: parts[name] for name in journey},
        touchpoints=touchpoints,
        conversions=goals
        | {name: entry for name in parts["order"] if (entry := parts[f"conversions.{name}"]) is not None},
        refunds=[
            *DEFAULT.refunds,
            *(["delivery"] if parts["delivery takes back"] else []),
            *(name for name, kind in own.items() if kind == "takes back"),
        ],
        currencies={} if reporting is None else {"reporting": reporting, "rates": "rates.csv"},
    )


@dataclass
class ChangingFold:
    """The stage `fold` of workers that are restarted with another catalogue: `stage` is the one of today."""

    stage: FoldStage

    name = FoldStage.name
    input_topic = FoldStage.input_topic
    also_reads = FoldStage.also_reads
    stateful = True

    def process(self, partition: int, records: Sequence[Record], read: StateReader) -> StageResult:
        return self.stage.process(partition, records, read)


def revisit(profile: UUID, catalogue: Catalogue) -> Output:
    """Ask a profile to look at itself by this catalogue."""
    look = Revisit(cause="catalogue", evidence=derived_id("catalogue", digest_of(catalogue).hex()), recorded_at=APPLIED)
    return _output(Resolved(profile_id=profile, revisit=look))


def reread(profile: UUID, event: Touchpoint) -> Output:
    """Let a profile read a touchpoint again."""
    return _output(Resolved(profile_id=profile, touchpoint=event, reread=True))


def _output(resolved: Resolved) -> Output:
    value = resolved.model_dump_json(exclude_none=True).encode()
    return Output(RESOLVED.name, str(resolved.profile_id).encode(), value, int(APPLIED.timestamp() * 1000))
