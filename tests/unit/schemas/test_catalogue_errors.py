"""A bad catalogue is refused with file, line and reason."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.catalogue import Catalogue, CatalogueError, load, slug
from schemas.catalogue_words import WORDS

GOOD = """\
version = 1
phases = ["Awareness", "Retention"]
retention_phase = "Retention"
refunds = ["order_refunded"]

[journey]
visit_gap_minutes = 30

[channels]
web = "Website"

[touchpoints.page_view]
label = "Page seen"
phase = "Awareness"
channel = "web"
department = "Marketing"
events = ["Page Viewed"]

[touchpoints.order_completed]
label = "Order"
phase = "Awareness"
channel = "web"
department = "Shop"

[touchpoints.order_refunded]
label = "Refund"
phase = "Retention"
channel = "web"
department = "Shop"

[conversions.purchase]
touchpoints = ["order_completed"]
closing = true
value = "amount"
"""

#: what is written instead, the line that is named, and the beginning of the reason
WRONG = {
    "no TOML": (("version = 1", "version = = 1"), None, "Invalid value (at line 1"),
    "another version": (("version = 1", "version = 2"), 1, "version: Input should be 1"),
    "a field that nobody knows": (("visit_gap_minutes", "visit_gap_minuts"), 7, "journey.visit_gap_minuts: Extra"),
    "a number out of bounds": (("_minutes = 30", "_minutes = 0"), 7, "journey.visit_gap_minutes: Input should be gr"),
    "a word for a number": (("_minutes = 30", '_minutes = "half"'), 7, "journey.visit_gap_minutes: Input should be"),
    "a retention phase that is none": (
        ('phase = "Retention"\nrefunds', 'phase = "After"\nrefunds'),
        3,
        "retention_phase: 'After'",
    ),
    "a phase that is none": (
        ('seen"\nphase = "Awareness"', 'seen"\nphase = "Love"'),
        14,
        "touchpoints.page_view.phase: 'Love'",
    ),
    "a channel that is none": (
        ('ness"\nchannel = "web"\ndepartment = "M', 'ness"\nchannel = "fax"\ndepartment = "M'),
        15,
        "touchpoints.page_view.channel: 'fax'",
    ),
    "a conversion without its touchpoint": (
        ('["order_completed"]', '["order_complete"]'),
        32,
        "conversions.purchase.touchpoints: there is no touchpoint",
    ),
    "no touchpoint and no condition": (
        ('["order_completed"]', "[]"),
        31,
        "conversions.purchase: needs touchpoints, or",
    ),
    "a touchpoint that reaches two": (
        ('value = "amount"\n', 'value = "amount"\n[conversions.sale]\ntouchpoints = ["order_completed"]\n'),
        36,
        "conversions.sale.touchpoints: 'order_completed' already reaches 'purchase'",
    ),
    "a refund that is none": (
        ('refunds = ["order_refunded"]', 'refunds = ["money_back"]'),
        4,
        "refunds: there is no touchpoint 'money_back'",
    ),
    "a research that is none": (
        ("[channels]", '[ropo]\nresearch = ["page_view", "pageview"]\n\n[channels]'),
        10,
        "ropo.research: there is no touchpoint 'pageview'",
    ),
    "a research that is a contact in a branch as well": (
        ("[channels]", '[ropo]\nresearch = ["page_view"]\nstore_contacts = ["page_view"]\n\n[channels]'),
        10,
        "ropo.research: 'page_view' is one of store_contacts as well",
    ),
    "an event that stands for two": (
        (
            'department = "Shop"\n\n[touchpoints.order_r',
            'department = "Shop"\nevents = ["page viewed"]\n\n[touchpoints.order_r',
        ),
        24,
        "touchpoints.order_completed.events: 'page viewed' already stands for 'page_view'",
    ),
    "a name with capitals": (
        ("[touchpoints.page_view]", "[touchpoints.PageView]"),
        12,
        "touchpoints.PageView: 'PageView' is no name: lower case letters",
    ),
    "a model with a blank in its name": (
        ("[channels]", '[attribution.models."Bad Name"]\nkind = "last"\n\n[channels]'),
        9,
        "attribution.models.Bad Name: 'Bad Name' is no name: lower case letters",
    ),
    "a kind of identifiers with a blank": (
        ("[channels]", '[identity]\nunique = ["Customer No"]\n\n[channels]'),
        10,
        "identity.unique.0: 'Customer No' is no name: lower case letters",
    ),
    "a currency in words": (
        ("[channels]", '[currencies]\nreporting = "Euro"\nrates = "r.csv"\n\n[channels]'),
        10,
        "currencies.reporting: 'Euro' is no code of a currency: three letters, as EUR",
    ),
    "a value of no kind": (('value = "amount"', 'value = "margin"'), 34, "conversions.purchase.value: Input should be"),
    "a refund that converts": (
        ('refunds = ["order_refunded"]', 'refunds = ["order_completed"]'),
        32,
        "conversions.purchase.touchpoints: 'order_completed' takes money back",
    ),
    "a condition that says nothing": (
        ('value = "amount"\n', 'value = "amount"\n[[conversions.purchase.where]]\nfield = "amount"\n'),
        35,
        "conversions.purchase.where.0: a condition says at least one of",
    ),
    "a condition on a field that is none, in the second of two": (
        (
            'value = "amount"\n',
            'value = "amount"\n[[conversions.purchase.where]]\nfield = "amount"\nat_least = 1\n'
            '[[conversions.purchase.where]]\nfield = "price"\nat_least = 1\n',
        ),
        39,
        "conversions.purchase.where.1.field: 'price' is nothing that a touchpoint has: touchpoint, channel,",
    ),
    "a pattern that is none": (
        ('value = "amount"\n', 'value = "amount"\nwhere = [{ field = "campaign", matches = "(" }]\n'),
        35,
        "conversions.purchase.where.0.matches: '(' is no regular expression",
    ),
    "a number that is none": (
        ('value = "amount"\n', 'value = "amount"\nwhere = [{ field = "amount", at_least = "much" }]\n'),
        35,
        "conversions.purchase.where.0.at_least: Input should be a valid decimal",
    ),
    "a fixed value without its amount": (
        ('value = "amount"', 'value = "fixed"'),
        31,
        "conversions.purchase: amount and value = 'fixed' stand together",
    ),
    "a fixed value without a currency": (
        ('value = "amount"', 'value = "fixed"\namount = 5'),
        31,
        "conversions.purchase: a fixed amount has a currency",
    ),
    "a fixed value finer than its currency": (
        ('value = "amount"', 'value = "fixed"\namount = "5.5"\ncurrency = "JPY"'),
        31,
        "conversions.purchase: ",
    ),
    "an unknown currency": (
        ('value = "amount"', 'value = "fixed"\namount = 5\ncurrency = "XXQ"'),
        36,
        "conversions.purchase.currency: 'XXQ' is not an ISO 4217",
    ),
    "a value from no field": (
        ('value = "amount"', 'value = "field"\ncurrency = "EUR"'),
        31,
        "conversions.purchase: field and value = 'field' stand together",
    ),
    "a value from a field in two currencies": (
        ('value = "amount"', 'value = "field"\nfield = "properties.x"\ncurrency = "EUR"\ncurrency_field = "currency"'),
        31,
        "conversions.purchase: a value from a field has a currency or a currency_field",
    ),
    "a model that is none": (
        ("[channels]", '[attribution]\nmodels = ["first", "frist"]\n\n[channels]'),
        10,
        "attribution.models.frist.kind: Input should be 'first'",
    ),
    "a model twice": (
        ("[channels]", '[attribution]\nmodels = ["first", "first"]\n\n[channels]'),
        10,
        "attribution.models: 'first' stands there twice",
    ),
    "no model": (
        ("[channels]", "[attribution]\nmodels = []\n\n[channels]"),
        10,
        "attribution.models: Dictionary should",
    ),
    "a model that is neither list nor table": (
        ("[channels]", '[attribution]\nmodels = "first"\n\n[channels]'),
        10,
        "attribution.models: Input should be a valid dictionary",
    ),
    "a setting of another model": (
        ("[channels]", "[attribution.models.first]\n\n[attribution.models.linear]\nhalf_life_days = 7\n\n[channels]"),
        11,
        "attribution.models.linear: half_life_days belongs to time_decay alone",
    ),
    "a model of two minds": (
        ("[channels]", '[attribution.models.ours]\nkind = "last"\nentry_point = "ours"\n\n[channels]'),
        9,
        "attribution.models.ours: a model has a kind or an entry_point",
    ),
    "a half-life of nothing": (
        ("[channels]", "[attribution.models.time_decay]\nhalf_life_days = 0\n\n[channels]"),
        10,
        "attribution.models.time_decay.half_life_days: Input should be greater",
    ),
    "a half-life below nothing": (
        ("[channels]", "[attribution.models.time_decay]\nhalf_life_days = -7\n\n[channels]"),
        10,
        "attribution.models.time_decay.half_life_days: Input should be greater",
    ),
    "a half-life that is no number": (
        ("[channels]", "[attribution.models.time_decay]\nhalf_life_days = nan\n\n[channels]"),
        10,
        "attribution.models.time_decay.half_life_days: Input should be",
    ),
    "a half-life without end": (
        ("[channels]", "[attribution.models.time_decay]\nhalf_life_days = inf\n\n[channels]"),
        10,
        "attribution.models.time_decay.half_life_days: Input should be less",
    ),
    "a weight below nothing": (
        ("[channels]", "[attribution.models.position_based]\nweights = [40, -20, 40]\n\n[channels]"),
        10,
        "attribution.models.position_based.weights.1: Input should be greater",
    ),
    "a weight that is no whole number": (
        ("[channels]", "[attribution.models.position_based]\nweights = [0.4, 0.2, 0.4]\n\n[channels]"),
        10,
        "attribution.models.position_based.weights.0: Input should be a valid integer",
    ),
    "a table of a model twice": (
        (
            "[channels]",
            "[attribution.models.first]\n\n[attribution.models.first]\n\n[channels]",
        ),
        None,
        "(at line 11",
    ),
    "two conversions of one name": (
        ('value = "amount"\n', 'value = "amount"\n[conversions.purchase]\ntouchpoints = ["page_view"]\n'),
        None,
        "(at line 35",
    ),
    "a condition without a field": (
        ('value = "amount"\n', 'value = "amount"\n[[conversions.purchase.where]]\nat_least = 1\n'),
        35,
        "conversions.purchase.where.0.field: Field required",
    ),
    "a look-back below nothing": (
        ("[channels]", "[attribution]\nlook_back_days = -1\n\n[channels]"),
        10,
        "attribution.look_back_days: Input should be greater",
    ),
    "a fixed value that is no amount": (
        ('value = "amount"', 'value = "fixed"\namount = nan\ncurrency = "EUR"'),
        35,
        "conversions.purchase.amount: ",
    ),
    "weights of nothing": (
        ("[channels]", "[attribution.models.position_based]\nweights = [0, 0, 0]\n\n[channels]"),
        9,
        "attribution.models.position_based: weights must not all be 0",
    ),
    "a weight too few": (
        ("[channels]", "[attribution.models.position_based]\nweights = [50, 50]\n\n[channels]"),
        10,
        "attribution.models.position_based.weights.2: Field required",
    ),
    "a transform that is none": (
        ("[channels]", '[attribution.models.last]\ntransforms = ["expose"]\n\n[channels]'),
        10,
        "attribution.models.last.transforms.0: Input should be 'unique'",
    ),
    "a decision by a touchpoint that is none": (
        ("[channels]", '[attribution.consent]\ndecisions = ["consent_given"]\n\n[channels]'),
        None,
        "attribution.consent.decisions: there is no touchpoint 'consent_given'",
    ),
    "a decision in words instead of a list": (
        ("[channels]", '[attribution.consent]\ndecision_fields = "analytics"\n\n[channels]'),
        10,
        "attribution.consent.decision_fields: Input should be a valid tuple",
    ),
    "another word for silence": (
        ("[channels]", '[attribution.consent]\nunknown = "maybe"\n\n[channels]'),
        10,
        "attribution.consent.unknown: Input should be 'allowed' or 'withheld'",
    ),
    "a reporting currency without rates": (
        ("[channels]", '[currencies]\nreporting = "EUR"\n\n[channels]'),
        9,
        "currencies: reporting and rates stand together",
    ),
    "a reporting currency that is none": (
        ("[channels]", '[currencies]\nreporting = "XXQ"\nrates = "r.csv"\n\n[channels]'),
        10,
        "currencies.reporting: 'XXQ' is not an ISO 4217",
    ),
    "rates that are not there": (
        ("[channels]", '[currencies]\nreporting = "EUR"\nrates = "r.csv"\n\n[channels]'),
        11,
        "r.csv: cannot be read: No such file",
    ),
    "a section that is missing": (("[channels]\nweb", "[chanels]\nweb"), None, "channels: Field required"),
}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_good_one_is_good(tmp_path: Path) -> None:
    assert load(written(tmp_path, GOOD)).conversion_of == {"order_completed": "purchase"}


@pytest.mark.parametrize(("change", "line", "reason"), WRONG.values(), ids=WRONG)
def test_a_bad_catalogue_is_refused_with_line_and_reason(
    tmp_path: Path, change: tuple[str, str], line: int | None, reason: str
) -> None:
    assert GOOD.count(change[0]) == 1
    path = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(CatalogueError) as refused:
        load(path)
    message = str(refused.value)
    assert message.startswith(f"{path}:{line}: " if line else f"{path}:")
    assert reason in message


def patterns(schema: object) -> set[str]:
    """All regular expressions of a JSON Schema, but for those of decimal numbers, which have reasons of their own."""
    if isinstance(schema, list):
        return set().union(*(patterns(each) for each in schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) and "?0*" not in schema["pattern"] else set()
    return own.union(*(patterns(each) for each in schema.values()))


def test_every_pattern_of_the_catalogue_has_words_for_what_does_not_fit() -> None:
    assert patterns(Catalogue.model_json_schema()) == WORDS.keys()


def test_a_missing_file_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        load(tmp_path / "nowhere.toml")
    path = tmp_path / "catalogue.toml"
    path.write_bytes(b"version = 1 # \xff")
    with pytest.raises(CatalogueError, match=r"is not UTF-8 \(byte 14\)"):
        load(path)


def test_money_is_where_any_conversion_of_a_touchpoint_counts_it_or_it_is_taken_back(tmp_path: Path) -> None:
    fixed = (
        'touchpoints = ["order_completed"]\nwhere = [{ field = "campaign", is = "x" }]\nvalue = "fixed"\namount = 5\n'
    )
    text = GOOD.replace("[conversions.purchase]", f"[conversions.x]\n{fixed}currency = 'EUR'\n\n[conversions.purchase]")
    good = load(written(tmp_path, text))
    assert good.monetary == {"order_completed", "order_refunded"}
    assert good.conversion_of == {"order_completed": "x"}
    assert good.is_monetary("order_completed.app")
    assert good.is_monetary("order_refunded.partial.by_voucher")
    assert not good.is_monetary("page_view.top")
    assert good.takes_back("order_refunded.partial")
    assert not good.takes_back("order_completed.app")


RATES = ("[channels]", '[currencies]\nreporting = "USD"\nrates = "rates.csv"\n\n[channels]')


def test_rates_are_read_from_the_file_beside_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_text("date,currency,rate\n2026-01-02,USD,1.25\n")
    table = load(written(tmp_path, GOOD.replace(*RATES))).currencies.table
    assert table.rate("USD", date(2026, 1, 2)) == Decimal("1.25")


@pytest.mark.parametrize(
    ("rates", "place", "reason"),
    [
        (b"date,currency,rate\n2026-01-02,USD,much\n", "rates.csv:2: ", "'much' is no rate"),
        (b"date,currency,rate\n2026-01-02,JPY,160\n", "catalogue.toml:11: ", "has no rate for USD"),
        (b"date,currency,rate\n\xff\n", "catalogue.toml:11: ", "is not UTF-8"),
    ],
)
def test_bad_rates_are_refused_with_file_and_line(tmp_path: Path, rates: bytes, place: str, reason: str) -> None:
    (tmp_path / "rates.csv").write_bytes(rates)
    with pytest.raises(CatalogueError, match=reason) as refused:
        load(written(tmp_path, GOOD.replace(*RATES)))
    assert str(refused.value).startswith(str(tmp_path / place))


def test_models_are_a_list_of_names_or_tables_in_the_files_order(tmp_path: Path) -> None:
    listed = GOOD.replace("[channels]", '[attribution]\nmodels = ["last", "first"]\n\n[channels]')
    assert list(load(written(tmp_path, listed)).attribution.models) == ["last", "first"]
    tables = (
        "[attribution.models.last]\n[attribution.models.slow]\nkind = 'time_decay'\nhalf_life_days = 30\n\n[channels]"
    )
    models = load(written(tmp_path, GOOD.replace("[channels]", tables))).attribution.models
    assert [(name, model.kind, model.half_life_days) for name, model in models.items()] == [
        ("last", "last", 7),
        ("slow", "time_decay", 30),
    ]


@pytest.mark.parametrize("event", ["Order Completed", "order_completed", "ORDER-COMPLETED", "orderCompleted"])
def test_event_names_are_compared_without_case_blanks_and_strokes(event: str) -> None:
    assert load().touchpoint_named(event) == "order_completed"


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("Watched Trailer!", "watched_trailer"),
        ("videoStarted", "video_started"),
        ("3 steps", "event_3_steps"),
        ("???", "event"),
    ],
)
def test_an_event_that_nobody_knows_gets_a_name_of_its_own(event: str, name: str) -> None:
    assert slug(event) == name
