"""`touchpath identity` over the real stages and the real tables: only Kafka between them is left out."""

from __future__ import annotations

import json
import pickle
import re
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from deploy.cli import identity, identity_decision, identity_warning, parts
from deploy.cli.app import app
from deploy.cli.exits import Exit
from deploy.identity_store import IdentityLookup, UnknownIdentifierError, Weight
from deploy.identity_story import Decision, Stretch
from producers.identity_commands import record_of_command
from producers.records import record_of
from schemas import topics
from schemas.base import derived_id, event_id, profile_id
from schemas.bodies import OtherBody
from schemas.catalogue import IdentitySettings, load
from schemas.connection import ClickHouseConnection
from schemas.identifier import Identifier
from schemas.identity import Command
from schemas.outcome import Accepted
from schemas.touchpoint import Touchpoint
from sinks.client import Store
from sinks.rows import TOPICS
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from tests.unit.deploy.commands import failed
from tests.unit.sinks.landing import Landing

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA, BO, MAIL, COOKIE, TABLET = "customer:ada", "customer:bo", "email:ada@example.org", "anonymous:a1", "anonymous:t1"
NOBODY = {"TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}


class World:
    """Stages in memory, whose outputs land in ClickHouse; `sent` are the commands that the CLI has sent."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sent: list[Command] = []
        self._loop = Loopback([ResolveStage(load()), FoldStage(load())])
        self._land = Landing(store)
        self._landed = dict.fromkeys(TOPICS, 0)

    def seen(self, name: str, *identifiers: str, minute: int = 0, touchpoint: str = "page_view") -> None:
        """Let an event come in."""
        pairs = [one.partition(":") for one in identifiers]
        event = Touchpoint(
            event_id=derived_id(name),
            source="web",
            touchpoint=touchpoint,
            channel="web",
            occurred_at=AT + timedelta(minutes=minute),
            received_at=AT + timedelta(minutes=minute),
            body=OtherBody(),
            identifiers=tuple(Identifier(kind=kind, value=value) for kind, _, value in pairs),
        )
        self._loop.put(Output(*record_of(Accepted(event))[:4]))
        self._run()

    def decide(self, _settings: object, command: Command) -> None:
        """Let a decision come in, as the CLI sends it."""
        self.sent.append(command)
        self._loop.put(Output(*record_of_command(command)[:4]))
        self._run()

    def _run(self) -> None:
        self._loop.run()
        for topic, landed in self._landed.items():
            values = [record.value or b"" for record in self._loop.records(topic)]
            if len(values) > landed:
                self._land(topics.BY_NAME[topic], *values[landed:])
                self._landed[topic] = len(values)


@pytest.fixture
def world(store_of_the_cli: Store, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(store_of_the_cli)
    monkeypatch.setattr(identity_decision, "_send", world.decide)
    monkeypatch.setattr(identity_decision, "_wait", lambda _settings, _timeout: "")
    return world


class Known:
    """A store that knows little, for what needs no ClickHouse; `sent` are the commands that the CLI has sent."""

    def __init__(self) -> None:
        self.named = {ADA: ADA, MAIL: ADA, COOKIE: ADA}
        self.sent: list[Command] = []

    def home(self, key: str) -> Stretch | None:
        named = self.named.get(key)
        return Stretch("last_known", None, None, profile_id(named), named) if named else None

    def figures(self, _profile: UUID) -> dict[str, int]:
        return {"identifiers": 3}

    def weight(self, _key: str) -> Weight:
        return Weight(1, 0)

    def blocked(self, key: str) -> str:
        return "by Service desk" if key.startswith("loyalty:") else ""

    def decided(self, command_id: UUID) -> Decision | None:
        found = [one for one in self.sent if one.command_id == command_id]
        return Decision(command_id, *said(found[0])) if found else None

    def nothing(self, *_asked: object, **_more: object) -> list[Any]:
        return []

    decisions = stops = near = caused_by = nothing


def said(command: Command) -> tuple[str, str, str | None, datetime, str, str | None]:
    return (
        *(command.action, command.to, command.other),
        *(command.requested_at, command.requested_by, command.reason),
    )


@pytest.fixture
def known(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Known:
    known = Known()
    monkeypatch.chdir(tmp_path)
    for module in (identity, identity_decision):
        monkeypatch.setattr(module, "identity_store", lambda _settings: nullcontext(known))
    monkeypatch.setattr(identity_decision, "_send", lambda _settings, command: known.sent.append(command))
    monkeypatch.setattr(identity_decision, "_wait", lambda _settings, _timeout: "")
    return known


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["identity", *words], input=stdin)


def told(*words: str) -> Any:
    done = run(*words, "--json")
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def log_in(world: World) -> None:
    world.seen("look", COOKIE)
    world.seen("log-in", ADA, MAIL, COOKIE, minute=1, touchpoint="identified")


# ---- show


def test_an_identifier_is_shown_with_its_profile_and_why(world: World) -> None:
    log_in(world)
    story = told("show", " EMAIL:Ada@Example.org ")
    assert (story["identifier"], story["named_by"], story["shared"], story["blocked"]) == (MAIL, ADA, False, None)
    assert story["profile_id"] == str(profile_id(ADA))
    assert [one["identifier"] for one in story["identifiers"]] == [COOKIE, ADA, MAIL]
    assert {one["why"] for one in story["identifiers"]} == {"identified from web"}
    assert {one["evidence"] for one in story["identifiers"]} == {str(derived_id("log-in"))}
    assert story["figures"] == {"identifiers": 3, "touchpoints": 2, "journeys": 1, "conversions": 0}
    shown = run("show", COOKIE).stdout
    assert f"profile     {profile_id(ADA)}, named by customer:ada" in shown
    assert "3 identifiers, 2 touchpoints, 1 journey, 0 conversions" in shown
    assert f"2026-03-01 12:01:00\t{COOKIE} went to the profile of customer:ada\tidentified from web" in shown
    assert "# Whose its events are" not in shown


def test_of_a_shared_identifier_it_is_shown_who_had_it_when(world: World) -> None:
    world.seen("1", ADA, TABLET)
    world.seen("2", BO, TABLET, minute=60)
    story = told("show", TABLET)
    assert story["shared"]
    assert [(one["since"], one["until"], one["named_by"]) for one in story["belongs"]] == [
        (None, "2026-03-01T13:00:00+00:00", ADA),
        ("2026-03-01T13:00:00+00:00", None, BO),
    ]
    shown = run("show", TABLET).stdout
    assert "# Whose its events are\npolicy\tfrom\tuntil\tprofile of\n" in shown
    assert "last_known\t\t2026-03-01 13:00:00\tcustomer:ada\nlast_known\t2026-03-01 13:00:00\t\tcustomer:bo\n" in shown


def test_an_unknown_identifier_is_said_with_what_is_near(world: World) -> None:
    log_in(world)
    assert failed(run("show", "email:adda@example.org"), Exit.FAILED) == (
        f"nothing is known of email:adda@example.org; there is {MAIL}"
    )
    assert failed(run("show", "customer:ada@example.org"), Exit.FAILED).endswith(f"there is {MAIL}")
    assert failed(run("show", "order:77"), Exit.FAILED) == "nothing is known of order:77"


@pytest.mark.parametrize("text", ["ada", "email:ada", "phone:none", ":x", "E mail:x"])
def test_what_is_no_identifier_is_usage_and_says_how_one_is_written(known: Known, text: str) -> None:
    said = failed(run("show", text), Exit.USAGE)
    assert said.startswith("KEY: ")
    assert "kind:value, such as email:ada@example.org" in said
    assert known.sent == []


def test_a_phone_number_is_read_with_its_region(known: Known) -> None:
    run("unblock", "phone:030 123456", "--phone-region", "DE", "--new")
    assert [command.to for command in known.sent] == ["phone:+4930123456"]


def test_pseudonyms_are_looked_up_by_what_they_stand_for(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHPATH_IDENTIFIERS__PSEUDONYM_KEY", "k" * 32)
    told_so = failed(run("unblock", MAIL), Exit.FAILED)
    assert re.match(r"nothing is known of email:hmac:[0-9a-f]{64} \(.*has the key that makes it changed\?\)", told_so)
    known.named[re.findall(r"email:\S+", told_so)[0]] = ADA
    assert run("unblock", MAIL).exception is None
    assert [command.to for command in known.sent] == re.findall(r"email:\S+", told_so)


# ---- decisions


def test_a_merge_shows_before_and_after_and_what_came_of_it(world: World) -> None:
    log_in(world)
    world.seen("card", "loyalty:4711")
    done = told("merge", "loyalty:4711", ADA, "--reason", "she called", "--by", "Service desk")
    [command] = world.sent
    assert (command.to, command.other, command.action) == ("loyalty:4711", ADA, "merge")
    assert (command.requested_by, command.reason) == ("Service desk", "she called")
    assert done["done"]
    assert [one["named_by"] for one in done["before"]] == ["loyalty:4711", ADA]
    assert [one["named_by"] for one in done["after"]] == [ADA, ADA]
    assert [(one["identifiers"], one["touchpoints"]) for one in done["after"]] == [(4, 3), (4, 3)]
    [change] = done["changes"]
    assert (change["identifier"], change["change"], change["named_by"]) == ("loyalty:4711", "merged", ADA)
    assert change["why"] == "merge by Service desk: she called"
    [decision] = told("show", "loyalty:4711")["decisions"]
    assert (decision["action"], decision["other"], decision["reason"]) == ("merge", ADA, "she called")


def test_an_unmerge_gives_back_what_it_took_and_says_before_what_will_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(world)
    world.seen("card", "loyalty:4711")
    run("merge", "loyalty:4711", ADA, "--by", "Service desk")
    monkeypatch.setattr(identity_warning, "_is_asked", lambda: True)
    done = run("unmerge", "loyalty:4711", stdin="y\n")
    assert done.exception is None, done.exception
    assert "loyalty:4711 is in the profile of customer:ada: 4 identifiers, 3 touchpoints" in done.stderr
    assert "its own 1 touchpoint (0 conversions) go to a profile of its own" in done.stderr
    assert "its merge with customer:ada ends (Service desk, " in done.stderr
    assert "\nloyalty:4711\tbefore\tcustomer:ada\t4 identifiers, 3 touchpoints, " in done.stdout
    assert "\nloyalty:4711\tafter\tloyalty:4711\t1 identifier, 1 touchpoint, 1 journey, 0 conversions" in done.stdout
    assert told("show", "loyalty:4711")["named_by"] == "loyalty:4711"


def test_a_no_does_nothing(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_warning, "_is_asked", lambda: True)
    assert failed(run("block", MAIL, stdin="n\n"), Exit.FAILED) == "nothing was done"
    assert failed(run("unmerge", MAIL, stdin="\n"), Exit.FAILED) == "nothing was done"
    assert known.sent == []


@pytest.mark.parametrize("action", ["unmerge", "block"])
def test_where_nobody_can_be_asked_a_yes_is_wanted(known: Known, action: str) -> None:
    done = run(action, MAIL)
    assert failed(done, Exit.USAGE).endswith("add --yes")
    assert known.sent == []
    assert run(action, MAIL, "--yes").exception is None
    assert [command.action for command in known.sent] == [action]


def test_a_blocked_identifier_joins_nobody_until_it_is_unblocked(world: World) -> None:
    log_in(world)
    blocked = told("block", COOKIE, "--yes", "--reason", "a kiosk", "--by", "Service desk")
    assert [one["named_by"] for one in blocked["after"]] == [COOKIE]
    assert told("show", COOKIE)["blocked"] == "by Service desk: a kiosk"
    assert "blocked     it joins nobody: by Service desk: a kiosk" in run("show", COOKIE).stdout
    assert [one["named_by"] for one in told("unblock", COOKIE)["after"]] == [ADA]
    assert told("show", COOKIE)["blocked"] is None


def test_a_block_of_whoever_names_a_profile_says_that_the_others_leave(known: Known) -> None:
    said = run("block", ADA).stderr
    assert "it names the profile: its own 1 touchpoint (0 conversions) stay" in said
    assert "the 2 other identifiers in it leave" in said
    assert "nothing is known of order:1 yet; from now on it joins nobody" in run("block", "order:1", "--new").stderr


def test_an_unknown_identifier_is_not_decided_on_unless_it_is_said_to_be_new(known: Known) -> None:
    said = failed(run("merge", "email:adda@example.org", ADA), Exit.FAILED)
    assert said == "nothing is known of email:adda@example.org; if no event has had it yet, add --new"
    assert known.sent == []
    done = told("merge", "loyalty:9", ADA, "--new")
    assert done["before"][0] == {"identifier": "loyalty:9", "profile_id": None, "named_by": None}
    assert [command.to for command in known.sent] == ["loyalty:9"]


def test_a_merge_of_what_is_together_says_so(known: Known) -> None:
    done = run("merge", MAIL, ADA)
    assert done.exception is None, done.exception
    assert "they are in one profile already" in done.stderr


def test_a_merge_that_is_kept_apart_says_so(known: Known) -> None:
    known.named["loyalty:4711"] = "loyalty:4711"
    done = run("merge", "loyalty:4711", ADA)
    assert "they are still apart: loyalty:4711 is blocked by Service desk; " in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["merge", MAIL, " Email:ADA@example.org"], "OTHER: is the identifier itself"),
        (["unblock", MAIL, "--reason", "x" * 501], "--reason: String should have at most 500 characters"),
        (["unblock", MAIL, "--by", " "], "--by: String should have at least 1 character"),
        (["stopped", "--guard", "dog"], "--guard: there is no 'dog'; there are block_list, blocked"),
        (["stopped", "--since", "soon"], "--since: 'soon' is neither a time"),
        (["stopped", "--identifier", "ada"], "--identifier: 'ada' is no identifier"),
    ],
)
def test_what_cannot_be_meant_is_usage(known: Known, words: list[str], says: str) -> None:
    assert failed(run(*words), Exit.USAGE).startswith(says)
    assert known.sent == []


def test_a_decision_with_an_id_of_its_own_is_sent_once(known: Known) -> None:
    words = ("unblock", MAIL, "--id", "ticket-7", "--by", "Service desk")
    assert run(*words).exception is None
    again = run(*words)
    assert "this was decided before, by Service desk at " in again.stderr
    assert [command.command_id for command in known.sent] == [event_id("identity:Service desk", "ticket-7")]
    other = run("block", MAIL, "--yes", "--id", "ticket-7", "--by", "Service desk")
    assert failed(other, Exit.USAGE) == f"--id: another decision had it: unblock {MAIL}"


def test_without_waiting_the_decision_is_only_sent(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_decision, "_wait", lambda *_: pytest.fail("it waits"))
    monkeypatch.setattr(identity_decision, "identity_store", lambda _: pytest.fail("it asks ClickHouse"))
    done = told("merge", MAIL, ADA, "--new", "--no-wait", "--id", str(UUID(int=7)))
    assert done["done"] is False
    assert done["command"]["command_id"] == str(UUID(int=7))
    assert (
        f"is on Kafka as {UUID(int=7)}"
        in run("merge", MAIL, ADA, "--new", "--no-wait", "--id", str(UUID(int=7))).stdout
    )


def test_what_is_not_through_in_time_is_said_with_who_is_behind(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_decision, "_wait", lambda *_: "the worker is 5 offsets behind")
    said = failed(run("unblock", MAIL), Exit.NOT_READY)
    assert "is on Kafka, but not through yet: the worker is 5 offsets behind" in said
    assert f"touchpath identity show {MAIL}" in said
    assert json.loads(run("unblock", MAIL, "--json").stdout)["done"] is False


# ---- what guards stopped


def test_what_guards_stopped_is_listed_by_guard_identifier_and_time(world: World) -> None:
    world.seen("1", ADA, BO)
    world.seen("2", ADA, "customer:cy", minute=60)
    assert [(one["guard"], one["identifier"], one["other"]) for one in told("stopped")] == [
        ("unique", ADA, "customer:cy"),
        ("unique", ADA, BO),
    ]
    assert [one["other"] for one in told("stopped", "--identifier", BO)] == [BO]
    assert [one["other"] for one in told("stopped", "--since", "2026-03-01T12:30")] == ["customer:cy"]
    assert told("stopped", "--guard", "cap") == []
    cut = run("stopped", "--limit", "1")
    assert "customer:cy" in cut.stdout
    assert BO not in cut.stdout
    assert "there is more; --limit 1 ends it here" in cut.stderr
    assert "customer:ada was not joined with customer:bo: both are of a kind" in run("show", ADA).stdout
    said = failed(run("show", BO), Exit.FAILED)
    assert said.startswith("nothing is known of customer:bo but that customer:ada was not joined with customer:bo")


# ---- when nobody answers


def test_a_clickhouse_that_is_not_there_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__PORT", "1")
    for words in (["show", MAIL], ["stopped"], ["merge", MAIL, ADA]):
        assert "127.0.0.1:1" in failed(run(*words), Exit.NOT_READY)
    assert world.sent == []


def test_a_database_without_tables_says_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__DATABASE", "nothing_here")
    assert failed(run("show", MAIL), Exit.FAILED).endswith("(has `touchpath migrate` been run?)")


def test_a_kafka_that_is_not_there_is_not_ready(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(identity_decision, "CONNECT_SECONDS", 0.05)
    for name, value in NOBODY.items():
        monkeypatch.setenv(name, value)
    done = run("merge", MAIL, ADA, "--new", "--no-wait")
    assert failed(done, Exit.NOT_READY) == "no Kafka broker answers at 127.0.0.1:1"


# ---- the collector's look


def test_the_collector_is_told_the_same_story(world: World) -> None:
    log_in(world)
    where = ClickHouseConnection(port=world.store.connection.port, database=world.store.database)
    lookup = IdentityLookup(where, IdentitySettings())
    assert pickle.loads(pickle.dumps(lookup))(MAIL) == told("show", MAIL)  # each process of a collector gets a copy
    with pytest.raises(UnknownIdentifierError):
        lookup("order:77")
    with pytest.raises(OSError, match="ClickHouse"):
        IdentityLookup(ClickHouseConnection(port=1), IdentitySettings())(MAIL)


@pytest.mark.parametrize("keys", [[], [{"key": "admin-key", "name": "Service desk"}]])
def test_the_collector_asks_clickhouse_only_where_somebody_may_ask(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, keys: list[dict[str, str]]
) -> None:
    given: list[Any] = []

    def collect(*arguments: Any) -> int:
        given.extend(arguments)
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("producers.serve.run_collector", collect)
    monkeypatch.setattr(parts, "_log", lambda: None)
    monkeypatch.setenv("TOUCHPATH_COLLECTOR__ADMIN_KEYS", json.dumps(keys))
    assert CliRunner().invoke(app, ["collector"]).exit_code == 0
    assert isinstance(given[-1], IdentityLookup) == bool(keys)
