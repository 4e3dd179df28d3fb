"""The paths of a data window out of ClickHouse: those that converted, and those that did not, as flat arrays."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from deploy.query_times import EARLIEST
from schemas.attribution_model import Level
from schemas.catalogue import Catalogue
from sinks.client import Store
from sinks.sql import query
from streams.core.attribution.data_driven.paths import Paths, paths_of
from streams.core.conditions import NO_WORDS, YES_WORDS
from streams.core.rules import Rules


@dataclass(frozen=True, slots=True)
class Window:
    """Which conversions and journeys are looked at: those that happened, or ended, in [since, until).

    `conversions` are names; without any, all conversions that close a journey. A journey counts as not converted once
    it is idle at `until`; one that is still open then may yet convert, and is left out, unless `with_open`.
    """

    until: datetime
    since: datetime | None = None
    conversions: tuple[str, ...] = ()
    with_open: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class WindowPaths:
    """The paths of a window. Values are in minor units of `currency`, the one of most conversions; None: no value.

    `elsewhere` are conversions in other currencies, whose value is left out (they count as conversions).
    """

    paths: Paths
    currency: str | None
    minor_digits: int
    elsewhere: int


def read_paths(store: Store, catalogue: Catalogue, window: Window, level: Level = "channel") -> WindowPaths:
    """Read the paths of a window at a level; the same data gives the same arrays, in the same order.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    chosen = {
        "since": window.since or EARLIEST,
        "until": window.until,
        "conversions": list(window.conversions),
    }
    found = store.rows(query("attribution_currencies", store.database), chosen)
    code, _, digits = found[0] if found else (None, 0, 0)
    parameters = chosen | _rules(store, catalogue, window) | {"level": level, "currency": code or "-"}
    paths = _flat(store.stream(query("attribution_paths", store.database), parameters))
    return WindowPaths(paths, code, int(digits), sum(int(count) for _, count, _ in found[1:]))


def _rules(store: Store, catalogue: Catalogue, window: Window) -> dict[str, object]:
    """Give what the query must know of the catalogue: the worker's own rules, asked for each name that there is."""
    rules = Rules(catalogue)
    seen = store.rows(query("attribution_touchpoints", store.database))
    asked = [(f"{channel}/{touchpoint}", rules.rule(touchpoint, channel)) for channel, touchpoint in seen]
    consent = catalogue.attribution.consent
    return {
        "visiting": [kind for kind, rule in asked if rule.visit],
        "earning": [kind for kind, rule in asked if rule.credit],
        "consent": [field.split(".") for field in consent.fields],
        "consent_names": [field.rpartition(".")[2] for field in consent.fields] or ["\n"],  # stands in no JSON
        "unknown_withheld": consent.unknown == "withheld",
        "deciding": sorted({touchpoint for channel, touchpoint in seen if rules.rule(touchpoint, channel).decision}),
        "decided": [place.split(".") for place in consent.decision_places],
        "yes_words": sorted(YES_WORDS),
        "no_words": sorted(NO_WORDS),
        "idle": 0 if window.with_open else rules.inactivity,
        "visit_gap": rules.visit_gap,
        "look_back": rules.look_back,
        "stop_at_conversion": rules.stop_at_conversion,
        "max_path": rules.max_path,
    }


def _flat(blocks: Iterable[Sequence[Sequence[Any]]]) -> Paths:
    codes: dict[str, int] = {}
    touches, offsets = array("q"), array("q", [0])
    counts: list[tuple[int, int, int]] = []
    for block in blocks:
        for path, converting, others, value in block:
            touches.extend([codes.setdefault(name, len(codes)) for name in path])
            offsets.append(len(touches))
            counts.append((converting, others, value))
    # Names in their own order, whatever order the paths come in.
    names = sorted(codes)
    place = np.empty(len(names), np.int64)
    place[[codes[name] for name in names]] = np.arange(len(names))
    known = np.array(touches, np.int64)
    columns = np.array(counts, np.int64).reshape(-1, 3)
    return paths_of(names, place[known], np.array(offsets, np.int64), columns[:, 0], columns[:, 1], columns[:, 2])
