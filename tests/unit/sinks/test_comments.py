"""Tables, views and their columns say what they are, on the real engine and after all migrations."""

from __future__ import annotations

import re
from collections import Counter

from sinks.client import Store
from sinks.migrations import available

#: Columns of these are for us: people read the views over them, as each table's comment says.
FOR_US = "_log"

#: They ask a scalar subquery, by which the engine takes them for Nullable; all of these always have an answer.
NEVER_NULL = {
    ("catalogues", "in_force"),
    ("ropo_contacts", "opens"),
    ("ropo_purchases", "matched"),
    ("ropo_purchases", "known"),
}

#: The columns of a view with a parameter are in no system table, and can have no comments.
WITH_PARAMETER = {"credits_as_of", "revenue_as_of"}


def columns_of(store: Store) -> list[tuple[str, str, str, str]]:
    """View, column, type and comment."""
    every = "SELECT table, name, type, comment FROM system.columns WHERE database = {database:String}"
    rows = store.rows(every, {"database": store.database})
    return [(table, name, kind, comment) for table, name, kind, comment in rows if not table.endswith(FOR_US)]


def comments_of_tables(store: Store) -> dict[str, str]:
    every = "SELECT name, comment FROM system.tables WHERE database = {database:String}"
    return dict(store.rows(every, {"database": store.database}))


def test_every_table_and_view_says_what_it_is(store: Store) -> None:
    comments = comments_of_tables(store)
    assert len(comments) > 50
    assert [name for name, comment in comments.items() if not comment] == []


def test_every_column_of_every_view_says_what_it_is(store: Store) -> None:
    columns = columns_of(store)
    views = {name for name in comments_of_tables(store) if not name.endswith(FOR_US)}
    assert views - {table for table, *_ in columns} == WITH_PARAMETER
    assert [(table, name) for table, name, _, comment in columns if not comment] == []


def test_a_column_that_may_be_null_says_what_that_means(store: Store) -> None:
    may_be = {(table, name): comment for table, name, kind, comment in columns_of(store) if "Nullable" in kind}
    assert {column for column, comment in may_be.items() if "NULL" not in comment} == NEVER_NULL


def test_a_view_as_of_a_day_says_how_to_write_the_day_and_takes_it_so(store: Store) -> None:
    comments = comments_of_tables(store)
    for view in sorted(WITH_PARAMETER):
        [when] = re.findall(r"'([^']+)'", comments[view])
        for one in (when, when[:10]):
            assert store.rows(f"SELECT count() FROM {store.database}.{view}(as_of = '{one}')") == [(0,)]


def test_each_view_is_defined_once_after_those_that_have_landed() -> None:
    """A second definition would take the comments of the first, and nobody would know which to read."""
    fresh = [migration for migration in available() if migration.name >= "0010"]
    defined = Counter(re.findall(r"VIEW \$database\.(\w+)", "".join(migration.text for migration in fresh)))
    assert defined
    assert [view for view, times in defined.items() if times > 1] == []
