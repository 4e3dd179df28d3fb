"""Customers of a CRM: one person's identifiers, and what is known of them when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from producers.adapters.crm.customers import ADAPTER
from schemas.touchpoint import Touchpoint
from tests.unit.producers.survey.rig import file, keys, refused, taken

ROW: dict[str, Any] = {"customer_id": "c1", "email": "ADA@example.org", "updated_at": "2026-03-01T10:00:00Z"}


def test_a_customer_is_made_known_with_all_identifiers_and_traits() -> None:
    known = {
        "Generation": "X",
        "sales region": "North",
        "Customer Value": 1200.5,
        "company": "Example Ltd",
        "Owner": "o7",
    }
    touchpoint = taken(ADAPTER, ROW | known | {"phone": "030 123456", "Loyalty Card": "L-1", "first contact": "fair"})
    assert (touchpoint.touchpoint, touchpoint.channel) == ("identified", "crm")
    assert keys(touchpoint) == ["customer:c1", "loyalty:L-1", "email:ada@example.org", "phone:+4930123456"]
    assert touchpoint.occurred_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert touchpoint.properties == {
        "traits": {
            "generation": "X",
            "region": "North",
            "value": "1200.5",
            "account": "Example Ltd",
            "owner": "o7",
            "first contact": "fair",
        }
    }


def test_a_value_may_be_a_class_and_a_row_may_know_nothing_but_who_it_is() -> None:
    assert taken(ADAPTER, ROW | {"value": "A+"}).properties == {"traits": {"value": "A+"}}
    assert taken(ADAPTER, ROW).properties == {}


def test_the_same_row_is_the_same_event_and_a_changed_one_another() -> None:
    assert taken(ADAPTER, ROW).event_id == taken(ADAPTER, ROW).event_id
    ids = {taken(ADAPTER, ROW | more).event_id for more in ({}, {"region": "N"}, {"updated_at": "2026-03-02"})}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"updated_at": None}, "$.valid_from: required, but missing or blank"),
        ({"updated_at": "soon"}, "$.updated_at: not a time"),
        ({"customer_id": None, "email": "nobody"}, "$.customer_id: required where no other column names the customer"),
        ({"owner": ["o7"]}, "$.owner: not text"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(row: dict[str, Any], reason: str) -> None:
    assert refused(ADAPTER, ROW | row).startswith(reason)


def test_a_bad_line_of_a_file_leaves_its_neighbours_alone() -> None:
    first, second, third = file(
        ADAPTER, "Kunde;customer_id;valid_from\nx;c1;01.03.2026\nx;;01.03.2026\nx;c3;01.03.2026 12:00\n"
    )
    assert isinstance(first, Touchpoint)
    assert second == "$.line[3].customer_id: required where no other column names the customer"
    assert isinstance(third, Touchpoint)
    assert third.occurred_at == datetime(2026, 3, 1, 11, tzinfo=UTC)
