"""A fit of a data-driven model: paths out of ClickHouse, and what was found back into it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from deploy.attribution_paths import Window, WindowPaths, read_paths
from deploy.attribution_publish import json_of
from schemas.attribution_model import AttributionModel, Level, ModelWeight
from schemas.base import derived_id
from schemas.catalogue import Catalogue
from sinks.client import Store
from streams.core.attribution.data_driven.fit import Fit, Kind, Request, fit
from streams.core.attribution.data_driven.weights import UNITS


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit, what it was learned from, and the record that says it to the workers."""

    model: AttributionModel
    fit: Fit
    window: Window
    currency: str | None
    minor_digits: int
    elsewhere: int


def model_name(kind: Kind, order: int, level: Level) -> str:
    """Give the name that a model has by default: `markov`, `markov_2`, `shapley_campaign`."""
    of_order = f"_{order}" if kind == "markov" and order > 1 else ""
    return f"{kind}{of_order}" + ("" if level == "channel" else f"_{level}")


def learn(
    store: Store, catalogue: Catalogue, window: Window, level: Level, request: Request, name: str, now: datetime
) -> Fitted:
    """Fit a model on the paths of a window. Nothing is written.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables.
        FitError, PathError: nothing can be learned from these paths.
    """
    return fitted(read_paths(store, catalogue, window, level), window, level, request, name, now)


def fitted(found: WindowPaths, window: Window, level: Level, request: Request, name: str, now: datetime) -> Fitted:
    """Fit a model on paths. Raises FitError or PathError where nothing can be learned from them."""
    done = fit(found.paths, request)
    model = AttributionModel(
        name=name,
        fit_id=derived_id("model_fit", name, now.isoformat()),
        fitted_at=now,
        kind=request.kind,
        order=request.order if request.kind == "markov" else 0,
        level=level,
        since=window.since,
        until=window.until,
        conversions=window.conversions,
        paths=done.diagnosis.paths,
        journeys=done.diagnosis.journeys,
        converted=done.diagnosis.conversions,
        rate=done.rate,
        exact=done.diagnosis.exact,
        weights=tuple(
            ModelWeight(
                name=line.name,
                weight=line.weight,
                effect=line.effect,
                error=line.error,
                low=line.low,
                high=line.high,
            )
            for line in done.lines
        ),
    )
    return Fitted(model, done, window, found.currency, found.minor_digits, found.elsewhere)


def keep(store: Store, found: Fitted) -> None:
    """Write a fit down; the same fit twice is one.

    Raises:
        StoreError: ClickHouse cannot be reached, or has no such tables.
    """
    row = _row(found)
    store.insert("model_fits_log", tuple(row), [tuple(row.values())])


def _row(found: Fitted) -> dict[str, object]:
    model, window, request, figures = found.model, found.window, found.fit.request, found.fit.diagnosis
    lines = found.fit.lines
    unit = Decimal(UNITS)
    worth = 10.0**-found.minor_digits
    return {
        "fit_id": model.fit_id,
        "model": model.name,
        "kind": model.kind,
        "chain_order": model.order,
        "level": model.level,
        "fitted_at": model.fitted_at,
        "since": window.since,
        "until": window.until,
        "wanted_conversions": list(window.conversions),
        "with_open": window.with_open,
        "bootstrap": request.bootstrap,
        "seed": request.seed,
        "rate": found.fit.rate,
        "paths": figures.paths,
        "journeys": figures.journeys,
        "conversions": figures.conversions,
        "pathless": figures.pathless,
        "coverage": figures.coverage,
        "one_touch": figures.one_touch,
        "smallest_name": figures.smallest_name,
        "smallest_conversions": figures.smallest_conversions,
        "smallest_journeys": figures.smallest_journeys,
        "states": figures.states,
        "condition": figures.condition,
        "bound": figures.bound,
        "exact": figures.exact,
        "permutations": figures.permutations,
        "below_zero": figures.below_zero,
        "equally": figures.equally,
        "draws": figures.draws,
        "currency": found.currency,
        "weights.name": [line.name for line in lines],
        "weights.weight": [Decimal(line.weight) / unit for line in lines],
        "weights.effect": [line.effect for line in lines],
        "weights.error": [line.error for line in lines],
        "weights.low": [line.low for line in lines],
        "weights.high": [line.high for line in lines],
        "weights.own": [line.own for line in lines],
        "weights.conversions": [line.conversions for line in lines],
        "weights.value": [line.value * worth for line in lines],
        "weights.touched": [line.touched for line in lines],
        "weights.journeys": [line.journeys for line in lines],
        "record": json_of(model),
    }
