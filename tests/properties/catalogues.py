"""Catalogues that the properties run over: the one that ships, and those that use all that can be said."""

import tomllib
from typing import Any

from schemas.catalogue import DEFAULT as DEFAULT_FILE
from schemas.catalogue import Catalogue, load
from schemas.rates import read_rates

#: The dollar has a gap before the second day of rates; the yen begins later; the pound has none at all.
RATES = """\
Date,USD,JPY
2026-01-01,1.0866,
2026-01-20,1.1173,
2026-02-10,1.0001,163.06
2026-03-01,N/A,170.9
"""

MODELS: dict[str, Any] = {
    "first": {},
    "last": {},
    "last_non_direct": {},
    "linear": {},
    "linear_channel": {},
    "position_based": {},
    "time_decay": {},
    "position_30_20_50": {"kind": "position_based", "weights": [30, 20, 50]},
    "decay_of_a_day": {"kind": "time_decay", "half_life_days": 1.5},
    "linear_exposure": {"kind": "linear", "transforms": ["exposure"]},
    "last_first": {"kind": "last", "transforms": ["first"]},
    "position_without_direct": {"kind": "position_based", "transforms": ["remove_direct", "exposure"]},
}

CONVERSIONS: dict[str, Any] = {
    "big_purchase": {
        "touchpoints": ["order_completed"],
        "where": [{"field": "amount", "at_least": 50}, {"field": "currency", "is": ["EUR", "USD"]}],
        "closing": True,
        "value": "amount",
    },
    "purchase": {"touchpoints": ["order_completed", "store_purchase"], "closing": True, "value": "amount"},
    "pro_account": {
        "touchpoints": ["account_created"],
        "where": [{"field": "properties.plan", "is": "pro"}],
        "value": "field",
        "field": "properties.worth",
        "currency": "USD",
    },
    "account": {"touchpoints": ["account_created"], "value": "fixed", "amount": "250", "currency": "JPY"},
    "spring_call": {
        "where": [
            {"field": "campaign", "matches": "SPR.*"},
            {"field": "channel", "is": ["hotline", "email"]},
            {"field": "properties.plan", "is_not": "free"},
        ],
        "value": "fixed",
        "amount": "0.99",
        "currency": "EUR",
    },
}


def catalogue_with(rates: str | None = None, **sections: Any) -> Catalogue:
    """The catalogue that ships with other sections, checked as a file's, and a table of rates in euros."""
    data = tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8")) | sections
    found = Catalogue.model_validate(data)
    if rates is None:
        return found
    table = read_rates(rates.splitlines(), "EUR")
    return found.model_copy(update={"currencies": found.currencies.with_table(table)})


DEFAULT = load()
STOPPING = DEFAULT.model_copy(
    update={"attribution": DEFAULT.attribution.model_copy(update={"stop_at_conversion": True, "max_path": 3})}
)
VIEWED = {"label": "Product seen", "phase": "Consideration", "channel": "web", "department": "Shop"} | {
    "credit": True,
    "visit": True,
}
EVERYTHING = catalogue_with(
    RATES,
    attribution={
        "models": MODELS,
        "look_back_days": 20,
        # A decision may be a touch that earns, and a conversion too.
        "consent": {"decisions": ["consent_changed", "account_created", "email_clicked"]},
    },
    # A view earns by itself too, so that it stays on a path when a late event takes its visit's opening away.
    touchpoints=DEFAULT.model_dump()["touchpoints"] | {"product_viewed": VIEWED},
    conversions=CONVERSIONS,
    refunds=[*DEFAULT.refunds, "delivery"],  # often drawn, and without an amount: a cancellation
    currencies={"reporting": "EUR", "rates": "rates.csv"},
)
OPT_IN = catalogue_with(attribution={"models": ["linear", "last"], "consent": {"unknown": "withheld"}})
CATALOGUES = {"default": DEFAULT, "stopping": STOPPING, "everything": EVERYTHING, "opt_in": OPT_IN}
