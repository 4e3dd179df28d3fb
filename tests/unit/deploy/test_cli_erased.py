"""What `touchpath attribution explain` and `touchpath profile` say of who was erased, over real stages and tables."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.app import app
from deploy.cli.exits import CommandError, Exit
from schemas.base import derived_id, profile_id
from schemas.erasure import NOBODY, Erasure
from schemas.money import Money
from schemas.resolved import Resolved
from schemas.topics import RESOLVED
from sinks.client import Store
from streams.core.stage import Output
from tests.unit.sinks.pipeline import AT, Pipeline, an_event

ADA = "customer:ada"


@pytest.fixture(autouse=True)
def erased(store_of_the_cli: Store) -> Pipeline:
    """Two visits and an order, and their customer is erased."""
    pipeline = Pipeline(store_of_the_cli)
    paid = Money(amount=Decimal("10.01"), currency="EUR")
    pipeline.seen(
        an_event("search", ADA, channel="search"),
        an_event("mail", ADA, minute=60, channel="email"),
        an_event("order", ADA, minute=90, touchpoint="order_completed", source="shop", order_id="W-1", amount=paid),
    )
    erasure = Erasure(evidence=UUID(int=4711), recorded_at=AT + timedelta(days=4))
    whom = str(profile_id(ADA))
    value = Resolved(profile_id=UUID(whom), erasure=erasure).model_dump_json().encode()
    pipeline.loop.put(Output(RESOLVED.name, whom.encode(), value, 1_790_000_000_000))
    pipeline.run()
    return pipeline


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def failed(result: Result, code: Exit) -> str:
    assert isinstance(result.exception, CommandError), result.exception
    assert result.exception.code == code
    return str(result.exception)


@pytest.mark.parametrize("asked", [("--order", "W-1"), (str(derived_id("order")),)])
def test_an_erased_conversion_says_so_with_the_day(asked: tuple[str, ...]) -> None:
    told = run("attribution", "explain", *asked)
    assert told.exception is None, told.exception
    assert "erased on 2026-03-05 with its customer: what it had earned is nobody's now, in every total" in told.stdout
    assert "an erased conversion has no credit" in told.output
    story = json.loads(run("attribution", "explain", *asked, "--json").stdout)
    assert (story["withdrawn"], story["erased"]) == (True, True)
    assert [posting["cause"] for posting in story["history"]] == ["conversion", "erasure"]


def test_what_is_said_of_nobody_is_explained_with_its_path_in_order_and_no_customer(store: Store) -> None:
    [(conversion,)] = store.rows(f"SELECT conversion_id FROM {store.database}.conversions")
    told = run("attribution", "explain", str(conversion))
    assert told.exception is None, told.exception
    assert "nobody: the customer was erased. Times are days (UTC), and no id leads back" in told.stdout
    assert "W-1" not in told.stdout
    story = json.loads(run("attribution", "explain", str(conversion), "--json").stdout)
    assert (story["profile_id"], story["erased"], story["withdrawn"]) == (str(NOBODY), True, False)
    assert [(step["channel"], step["owner"]) for step in story["path"]] == [("search", None), ("email", None)]


def test_an_erased_profile_says_so_beside_what_is_still_there(store: Store) -> None:
    for key in (ADA, str(profile_id(ADA))):
        told = run("profile", key)
        assert told.exception is None, told.exception
        assert (
            f"profile {profile_id(ADA)} was erased on 2026-03-05: what had come of it by then is nobody's"
            in told.output
        )


def test_of_an_erased_profile_of_which_nothing_is_left_it_is_said(store: Store) -> None:
    for table in ("touchpoints_log", "profiles_log"):
        store.command(f"TRUNCATE TABLE {store.database}.{table}")
    assert "was erased on 2026-03-05" in failed(run("profile", str(profile_id(ADA))), Exit.FAILED)


def test_nobody_is_no_customer_to_be_shown() -> None:
    assert "is nobody: it stands for all customers who were erased" in failed(run("profile", str(NOBODY)), Exit.USAGE)
