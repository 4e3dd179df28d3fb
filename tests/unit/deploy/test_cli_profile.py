"""`touchpath profile` over the real stages and the real tables: only Kafka between them is left out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.app import app
from deploy.cli.exits import Exit
from deploy.profile_story import segments_of
from schemas.base import derived_id, profile_id
from schemas.money import Money
from sinks.client import Store
from tests.unit.deploy.commands import failed
from tests.unit.sinks.pipeline import Pipeline, an_event

ADA, BO, MAIL, COOKIE, TABLET = "customer:ada", "customer:bo", "email:ada@example.org", "anonymous:a1", "anonymous:t1"


@pytest.fixture
def pipeline(store_of_the_cli: Store) -> Pipeline:
    return Pipeline(store_of_the_cli)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["profile", *words])


def told(*words: str) -> Any:
    done = run(*words, "--json")
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def ada(pipeline: Pipeline) -> None:
    """A look on the telephone, the log-in there, an order, and a complaint by e-mail."""
    pipeline.seen(
        an_event("look", COOKIE, channel="search"),
        an_event(
            "log-in", ADA, MAIL, COOKIE, minute=1, touchpoint="identified",
            properties={"traits": {"region": "north", "segments": ["vip"], "age": 31}},
        ),
        an_event(
            "order", ADA, minute=5, touchpoint="order_completed", source="shop", order_id="W-1",
            amount=Money(amount=Decimal("19.90"), currency="EUR"),
        ),
        an_event("complaint", MAIL, minute=60, touchpoint="complaint", channel="email", source="mail"),
        an_event("bye", MAIL, minute=90, touchpoint="email_unsubscribed", channel="email", source="mail"),
    )  # fmt: skip


def test_a_customer_is_shown_whole_whichever_identifier_is_asked_for(pipeline: Pipeline) -> None:
    ada(pipeline)
    stories = [told(key) for key in (ADA, " EMAIL:Ada@Example.org ", COOKIE, str(profile_id(ADA)))]
    assert all(story == stories[0] for story in stories)
    story = stories[0]
    assert (story["profile_id"], story["named_by"]) == (str(profile_id(ADA)), ADA)
    assert [one["identifier"] for one in story["identifiers"]] == [COOKIE, ADA, MAIL]
    assert story["attributes"]["region"]["value"] == "north"
    assert story["attributes"]["age"] == {
        "value": 31, "written_at": "2026-03-01T12:01:00+00:00", "source": "web", "verified": True
    }  # fmt: skip
    assert story["segments"] == ["vip"]
    assert (story["consent"]["email"]["allowed"], story["consent"]["email"]["by"]) == (False, "email_unsubscribed")
    assert (story["touchpoints"], story["conversions"], story["value"]) == (5, 1, {"EUR": "19.90"})
    assert (story["first_contact"], story["first_channel"]) == ("2026-03-01T12:00:00+00:00", "search")
    assert story["last_contact"] == "2026-03-01T13:30:00+00:00"
    assert [one["event_id"] for one in story["complaints"]] == [str(derived_id("complaint"))]
    assert sum(one["touchpoints"] for one in story["latest_journeys"]) == 5
    assert [(one["order_id"], one["net"]) for one in story["latest_conversions"]] == [("W-1", "19.90")]
    newest = ["email_unsubscribed", "complaint", "order_completed", "identified", "page_view"]
    assert [one["touchpoint"] for one in story["latest_touchpoints"]] == newest
    assert [one["touchpoint"] for one in told(ADA, "--limit", "2")["latest_touchpoints"]] == newest[:2]


def test_people_read_it_section_by_section(pipeline: Pipeline) -> None:
    ada(pipeline)
    shown = run(COOKIE).stdout
    assert f"profile   {profile_id(ADA)}, named by customer:ada\n" in shown
    assert "value     19.90 EUR, net\n" in shown
    assert "segments  vip\n" in shown
    assert "1 conversion, 1 complaint" in shown
    titles = [line.removeprefix("# ") for line in shown.splitlines() if line.startswith("# ")]
    assert titles == [
        "Identifiers", "Attributes", "Consent", "Journeys", "Conversions", "Complaints", "Newest contacts"
    ]  # fmt: skip
    assert "region\tnorth\t2026-03-01 12:01:00\tweb\n" in shown
    assert "email\tno\t2026-03-01 13:30:00\temail_unsubscribed of mail\n" in shown


def test_the_id_of_a_profile_that_was_merged_leads_to_where_it_went(pipeline: Pipeline) -> None:
    ada(pipeline)
    done = run(str(profile_id(COOKIE)), "--json")
    assert json.loads(done.stdout) == told(ADA)
    went = f"profile {profile_id(COOKIE)} is no more: it went to {profile_id(ADA)}, named by {ADA}\n"
    assert done.stderr == went
    # A person takes the cookie out again: the id means what it meant.
    pipeline.decide("unmerge", COOKIE)
    apart = told(str(profile_id(COOKIE)))
    assert (apart["named_by"], apart["touchpoints"]) == (COOKIE, 1)
    assert told(ADA)["touchpoints"] == 4


def test_of_what_is_shared_the_one_of_its_newest_events_is_shown_and_the_others_are_said(pipeline: Pipeline) -> None:
    pipeline.seen(an_event("1", ADA, TABLET), an_event("2", BO, TABLET, minute=60), an_event("3", TABLET, minute=70))
    done = run(TABLET, "--json")
    assert json.loads(done.stdout)["named_by"] == BO
    assert done.stderr.startswith(f"{TABLET} is shared: its newest events are those of {BO}, others of {ADA}; ")
    assert told(BO)["touchpoints"] == 2


def test_what_is_not_known_is_said_with_what_is_near_and_what_to_do(pipeline: Pipeline) -> None:
    ada(pipeline)
    said = failed(run("email:adda@example.org"), Exit.FAILED)
    assert said.startswith(f"nothing is known of email:adda@example.org; there is {MAIL}; `touchpath settle` waits")
    nobody = "00000000-0000-4000-8000-000000000000"
    assert failed(run(nobody), Exit.FAILED).startswith(f"nothing is known of {nobody}; `touchpath settle`")
    said = failed(run("ada"), Exit.USAGE)
    assert "'ada' is no identifier" in said
    assert said.endswith("the id of a profile does as well")


def test_without_tables_or_clickhouse_it_says_so(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__DATABASE", "nowhere")
    assert "has `touchpath migrate` been run?" in failed(run(ADA), Exit.FAILED)
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__PORT", "1")
    assert "does not answer" in failed(run(ADA), Exit.NOT_READY)


def test_the_help_shows_examples(pipeline: Pipeline) -> None:
    assert "touchpath profile email:ada@example.org" in run("--help").stdout


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({"segments": '["a", " b ", "", 3]'}, ["a", "b"]),
        ({"segments": '"a, b,"'}, ["a", "b"]),
        ({"segment": '"a"'}, ["a"]),
        ({"segments": "[]", "segment": '"a"'}, ["a"]),
        ({"segments": "17"}, []),
        ({"segments": '{"a": 1}'}, []),
        ({}, []),
    ],
)
def test_segments_are_a_list_or_names_parted_by_commas(attributes: dict[str, str], wanted: list[str]) -> None:
    assert segments_of(attributes) == wanted
