"""The views that were rewritten for millions of conversions say what their plain forms say, also of a damaged ledger.

The plain forms are those of migration 0009, and `plain_violations.sql`; they are made beside the tables, and dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from sinks import migrations
from sinks.client import Store
from sinks.rates import land_rates
from sinks.sql import fill
from tests.benchmarks.ledger_data import write_ledger
from tests.properties.catalogues import catalogue_with

PLAIN = "test_plain_views"
HERE = Path(__file__).parent
OF_0009 = ("roas_by_day", "roas_by_campaign", "roas_by_channel", "known_profiles", "ropo_contacts")
VIOLATIONS = "attribution_violations"

#: Each step adds to the damage.
DAMAGE = (
    # Entries lost and doubled; conversions that changed, were withdrawn or came back, and were lost.
    (
        "DELETE FROM $database.credits_log WHERE cityHash64(entry_id) % 100 = 1",
        "INSERT INTO $database.credits_log SELECT * REPLACE (generateUUIDv4() AS entry_id)"
        " FROM (SELECT * FROM $database.credits_log FINAL WHERE cityHash64(entry_id) % 100 = 2)",
        "INSERT INTO $database.conversions_log SELECT * REPLACE (net_minor + 1 AS net_minor, version + 1 AS version)"
        " FROM (SELECT * FROM $database.conversions_log FINAL WHERE cityHash64(conversion_id) % 30 = 2)",
        "INSERT INTO $database.conversions_log SELECT * REPLACE (NOT withdrawn AS withdrawn, version + 1 AS version)"
        " FROM (SELECT * FROM $database.conversions_log FINAL WHERE cityHash64(conversion_id) % 30 = 3)",
        "DELETE FROM $database.conversions_log WHERE cityHash64(conversion_id) % 30 = 4",
        "DELETE FROM $database.credits_log WHERE cityHash64(conversion_id) % 30 = 5",
        "DELETE FROM $database.credits_log WHERE cityHash64(conversion_id) % 20 = 6 AND model = 'linear'",
    ),
    # Nobody's, and a model that came later.
    (
        "INSERT INTO $database.conversions_log"
        " SELECT * REPLACE (toUUID('00000000-0000-0000-0000-000000000000') AS profile_id, version + 1 AS version)"
        " FROM (SELECT * FROM $database.conversions_log FINAL WHERE cityHash64(conversion_id) % 5 = 1)",
        "DELETE FROM $database.credits_log WHERE model = 'first' AND recorded_at < '2026-01-01'",
    ),
    # Models that were published, and one withdrawn.
    (
        "INSERT INTO $database.model_publications_log (model, fit_id, published_at)"
        " VALUES ('time_decay', generateUUIDv4(), '2026-03-01'), ('other', generateUUIDv4(), '2026-02-01')",
        "INSERT INTO $database.model_publications_log (model, fit_id, published_at, withdrawn)"
        " VALUES ('markov', generateUUIDv4(), '2026-07-01', true)",
    ),
    # A new life of the broker.
    (
        "INSERT INTO $database.credits_log"
        " SELECT * REPLACE (generateUUIDv4() AS entry_id, 2 AS epoch, version + 10 AS version, 'web' AS channel)"
        " FROM (SELECT * FROM $database.credits_log FINAL WHERE cityHash64(conversion_id) % 10 = 5)",
    ),
    ("TRUNCATE TABLE $database.catalogue_log",),
    ("TRUNCATE TABLE $database.credits_log",),
)


ELSEWHERE = "reinterpretAsUUID(sipHash128('elsewhere', identifier)) AS profile_id"
AGAIN = (
    "INSERT INTO $database.profiles_log"
    " SELECT * REPLACE ({}) FROM (SELECT * FROM $database.profiles_log FINAL) WHERE {}"
)
#: What happens to identifiers: they move, come back, are kept apart, are shared, and are said anew by a new broker.
MOVES = tuple(
    AGAIN.format(said, f"plan = 1 AND cityHash64(identifier) % 8 = {which}")
    for which, said in enumerate(
        (
            f"2 AS plan, 'merged' AS change, {ELSEWHERE}",
            "2 AS plan, 'merged' AS change, identifier AS named_by",
            "2 AS plan, 'stopped' AS change, 'device:other' AS other",
            f"2 AS plan, 'merged' AS change, toDateTime64('2026-01-01', 6, 'UTC') AS since, {ELSEWHERE}",
            f"2 AS epoch, {ELSEWHERE}",
            f"'shared_is_nobody' AS policy, {ELSEWHERE}",
        )
    )
)


#: What 0009 said otherwise: spend is in the reporting currency, and where it is not above 0 nothing is divided by it.
SINCE_0009 = (
    (
        "groupUniqArray(toString(currency))) FROM $database.costs)",
        "groupUniqArray(spend_currency)) FROM $database.costs)",
    ),
    ("if(spend = 0, NULL,", "if(spend <= 0, NULL,"),
    ("if(conversions <= 0, NULL,", "if(spend <= 0 OR conversions <= 0, NULL,"),
    ("if(days = 0 OR conversions_in_days", "if(spend <= 0 OR conversions_in_days"),
)


@pytest.fixture
def plain(store: Store) -> Iterator[Store]:
    text = next(one.text for one in migrations.available() if one.name == "0009_attribution_views")
    for was, now in SINCE_0009:
        assert was in text
        text = text.replace(was, now)
    made = [
        re.search(rf"CREATE OR REPLACE VIEW \$database\.{view} .*?;\n", text, re.DOTALL)[0]  # type: ignore[index]
        for view in OF_0009
    ]
    made.append((HERE / "plain_violations.sql").read_text())
    store.command(f"CREATE DATABASE {PLAIN}")
    try:
        names = re.compile(rf"\$database\.({'|'.join((*OF_0009, VIOLATIONS))})\b")
        for statement in made:
            told = fill(names.sub(rf"{PLAIN}.\1", statement), store.database)
            store.command(told.strip().rstrip(";"))
        yield store
    finally:
        store.command(f"DROP DATABASE {PLAIN} SYNC")


def columns_of(store: Store, view: str) -> str:
    found = store.rows(f"SELECT name FROM system.columns WHERE database = '{PLAIN}' AND table = '{view}'")
    return ", ".join(name for [name] in found)


def different(store: Store, view: str, *, but: str = "1") -> int:
    """How many rows one of them has, and the other has not."""
    columns = columns_of(store, view)
    [[rows]] = store.rows(
        f"SELECT count() FROM (SELECT {columns}, sum(side) AS both FROM"
        f" (SELECT {columns}, 1 AS side FROM {store.database}.{view} WHERE {but}"
        f" UNION ALL SELECT {columns}, -1 AS side FROM {PLAIN}.{view})"
        f" GROUP BY {columns} HAVING both != 0)"
    )
    return int(rows)


def size(store: Store, view: str) -> int:
    return int(store.rows(f"SELECT count() FROM {PLAIN}.{view}")[0][0])


def test_a_view_says_what_its_plain_form_says(plain: Store) -> None:
    write_ledger(plain, 60, channels=6, campaigns=12, pieces=2, merging=True)
    assert {view: (size(plain, view) > 0, different(plain, view)) for view in OF_0009} == dict.fromkeys(
        OF_0009, (True, 0)
    )


def test_return_on_spend_is_that_of_the_plain_form_also_where_some_of_the_spend_is_converted(plain: Store) -> None:
    write_ledger(plain, 60, channels=6, campaigns=12, pieces=2, merging=True)
    plain.command(
        f"INSERT INTO {plain.database}.costs_log"
        " SELECT * REPLACE (['USD', 'GBP'][1 + cityHash64(campaign) % 2] AS currency, round(cost, 2) AS cost)"
        f" FROM {plain.database}.costs_log WHERE cityHash64(channel, campaign) % 3 < 2"
    )
    rates = "date,currency,rate\n2025-11-01,USD,1.25\n2026-03-01,USD,1.0866\n"
    land_rates(plain, catalogue_with(rates, currencies={"reporting": "EUR", "rates": "rates.csv"}))
    found = plain.rows(
        f"SELECT currency, spend_currency, count() > 0 FROM {plain.database}.costs GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert found == [("EUR", "EUR", 1), ("GBP", "GBP", 1), ("USD", "EUR", 1), ("USD", "USD", 1)]
    for view in OF_0009[:3]:
        assert (size(plain, view) > 0, different(plain, view)) == (True, 0)


def test_known_are_those_whose_identifiers_are_there_after_all_moves(plain: Store) -> None:
    write_ledger(plain, 120, channels=6, campaigns=12, pieces=2, merging=True)
    before = size(plain, "known_profiles")
    for number, move in enumerate(MOVES):
        plain.command(fill(move, plain.database))
        assert different(plain, "known_profiles") == 0, number
    assert size(plain, "known_profiles") > before


def test_the_violations_of_a_damaged_ledger_are_those_of_the_plain_rule(plain: Store) -> None:
    write_ledger(plain, 300, channels=6, campaigns=12, pieces=2, merging=True)
    plain.command(f"TRUNCATE TABLE {plain.database}.costs_log")
    assert size(plain, VIOLATIONS) == 0
    assert different(plain, VIOLATIONS) == 0
    sizes = []
    for step, damage in enumerate(DAMAGE):
        for statement in damage:
            plain.command(fill(statement, plain.database))
        # A touch that has less than nothing is no violation in the plain rule, unless a sum is wrong as well.
        wrong = "NOT overdrawn OR credit_due != credit_posted OR value_minor_due != value_minor_posted"
        assert different(plain, VIOLATIONS, but=f"({wrong})") == 0, step
        sizes.append(size(plain, VIOLATIONS))
    assert min(sizes) > 0
    assert len(set(sizes)) > len(sizes) // 2  # most of the damage changes something


def test_the_violations_of_one_conversion_are_those_among_all(plain: Store) -> None:
    write_ledger(plain, 300, channels=6, campaigns=12, pieces=2, merging=True)
    for statement in DAMAGE[0]:
        plain.command(fill(statement, plain.database))
    ask = f"SELECT * FROM {plain.database}.{VIOLATIONS}"
    rows = plain.rows(ask)
    wrong = [one[0] for one in rows]
    fine = plain.rows(f"SELECT conversion_id FROM {plain.database}.conversions_log ORDER BY 1")
    for one in (wrong[0], wrong[len(wrong) // 2], wrong[-1], next(one for [one] in fine if one not in wrong)):
        assert plain.rows(f"{ask} WHERE conversion_id = '{one}'") == [row for row in rows if row[0] == one]


@pytest.mark.parametrize("view", [VIOLATIONS, "credits_as_of(as_of = '2026-03-01')", "credits", "attribution_stale"])
def test_one_conversion_is_looked_up_by_the_key_of_each_table(store: Store, view: str) -> None:
    write_ledger(store, 60, channels=6, campaigns=12, pieces=2, merging=True)
    asked = f"SELECT * FROM {store.database}.{view} WHERE conversion_id = '{uuid4()}'"
    plan = "\n".join(line for [line] in store.rows(f"EXPLAIN indexes = 1 {asked}"))
    reads = plan.split("ReadFromMergeTree (")[1:]
    assert reads
    for read in reads:
        assert re.search(r"Condition: .*conversion_id in \[", read), read
