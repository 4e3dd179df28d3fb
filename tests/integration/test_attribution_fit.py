"""Fits from end to end: paths as the worker would have found them, kept in ClickHouse, published on Kafka."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from kafka import KafkaConsumer

from deploy.attribution_fit import keep, learn, model_name
from deploy.attribution_paths import Window, read_paths
from deploy.attribution_publish import kept
from deploy.cli.app import run
from deploy.cli.exits import Exit
from deploy.local.tansu import TansuBroker
from schemas import topics
from schemas.attribution_model import AttributionModel
from schemas.bodies import EmailBody, OtherBody, WebBody
from schemas.catalogue import Catalogue, load
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from sinks.cells import Rows
from sinks.client import Store
from sinks.rows import COLUMNS, TOPICS, read
from streams.core.attribution.data_driven.fit import FitError, Request
from streams.core.attribution.data_driven.paths import Paths
from streams.core.attribution.data_driven.published import weights_of, weights_on
from streams.core.fold import FoldStage
from streams.core.loopback import Loopback
from streams.core.resolve import ResolveStage
from streams.core.stage import Output
from streams.core.touch import Touch
from tests.integration.sink_parts import ARecord, collected

START = datetime(2026, 1, 1, tzinfo=UTC)
ARRIVAL = datetime(2026, 12, 1, tzinfo=UTC)
UNTIL = datetime(2027, 6, 1, tzinfo=UTC)
#: It sorts behind every other id, so that what happens at the same time lies before it.
LAST_ID = UUID("ffffffff-ffff-4fff-bfff-ffffffffffff")
KINDS = (
    *[("page_view", "web")] * 4, ("product_viewed", "app"), ("watched_trailer", "web"), ("email_clicked", "email"),
    ("email_opened", "email"), ("call", "hotline"), ("direct_mail", "direct_mail"), ("complaint", "hotline"),
    ("consent_changed", "web"),
)  # fmt: skip
SALES = (("store_purchase", "store"), ("account_created", "web"))


def a_life(customer: int, luck: random.Random) -> list[Touchpoint]:
    """What one customer does: in bursts, so that gaps, borders and equal times all come about."""
    events = []
    for _ in range(luck.randrange(1, 12)):
        name, channel = luck.choice(SALES) if luck.random() < 0.08 else luck.choice(KINDS)
        at = START + luck.choice((timedelta(minutes=15) * luck.randrange(20), timedelta(days=1) * luck.randrange(80)))
        identifiers = [Identifier(kind="customer", value=f"c{customer}")]
        if channel in ("web", "app") and luck.random() < 0.8:
            identifiers.append(Identifier(kind="anonymous", value=f"a{customer}-{luck.randrange(2)}"))
        body: Any = OtherBody()
        if channel == "web":
            body = WebBody(bot=luck.random() < 0.1)
        elif channel == "email":
            body = EmailBody(machine=luck.random() < 0.2)
        consent = luck.choice((True, True, "denied", False, None, None, None, None))
        campaign = luck.choice((None, None, "spring", "summer"))
        words = {} if consent is None else {"context": {"consent": {"categoryPreferences": {"analytics": consent}}}}
        if name == "consent_changed" and luck.random() < 0.8:
            words |= {"analytics": luck.choice((True, "granted", True, False, "maybe"))}
        events.append(
            Touchpoint(
                event_id=UUID(int=luck.getrandbits(128), version=4),
                source="test",
                touchpoint=name,
                channel=channel,
                occurred_at=at,
                received_at=ARRIVAL,
                identifiers=tuple(identifiers),
                campaign=Campaign(name=campaign) if campaign else None,
                amount=Money.from_minor(luck.randrange(1, 5000), "EUR") if name == "store_purchase" else None,
                body=body,
                properties=words,
            )
        )
    return events


def worked(events: Sequence[Touchpoint], catalogue: Catalogue) -> list[Output]:
    loop = Loopback([ResolveStage(catalogue), FoldStage(catalogue)])
    for record in collected(events):
        loop.put(record)
    loop.run()
    return [
        Output(topic, r.key or b"", r.value or b"", r.timestamp)
        for (topic, _), log in loop.topics.items()
        for r in log
        if topic != topics.COLLECTED.name and topic in TOPICS
    ]


def land(store: Store, outputs: Sequence[Output]) -> None:
    rows: Rows = {}
    for offset, output in enumerate(outputs):
        assert read(output.topic, 0, [ARecord(offset, output.key, output.value)], 1, rows) == 0
    for table, found in rows.items():
        store.insert(table, COLUMNS[table], found)


def newest(outputs: Sequence[Output], topic: topics.Topic, key: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for output in outputs:
        if output.topic == topic.name:
            record = json.loads(output.value)
            if record["revision"] > found.get(record[key], {"revision": 0})["revision"]:
                found[record[key]] = record
    return [record for record in found.values() if not record.get("withdrawn")]


def path_at(events: Sequence[Touchpoint], at: datetime, catalogue: Catalogue) -> tuple[str, ...]:
    """The path that the worker would find if this customer bought something at that moment."""
    purchase = Touchpoint(
        event_id=LAST_ID,
        source="test",
        touchpoint="store_purchase",
        channel="store",
        occurred_at=at,
        received_at=ARRIVAL,
        identifiers=(events[0].identifiers[0],),
        amount=Money.from_minor(100, "EUR"),
        body=OtherBody(),
    )
    made = newest(worked([*events, purchase], catalogue), topics.CONVERSIONS, "conversion_id")
    (record,) = [record for record in made if record["conversion_id"] == str(LAST_ID)]
    return tuple(step["channel"] for step in record["path"])


def sequences(paths: Paths) -> list[tuple[str, ...]]:
    ends = paths.offsets.tolist()
    return [tuple(paths.names[code] for code in paths.codes[begin:end]) for begin, end in pairwise(ends)]


@pytest.mark.parametrize("settings", [{}, {"look_back_days": 20, "stop_at_conversion": True, "max_path": 3}])
def test_a_journey_without_a_conversion_has_the_path_that_a_purchase_at_its_end_would_have_had(
    store: Store, settings: dict[str, Any]
) -> None:
    catalogue = load()
    catalogue = catalogue.model_copy(update={"attribution": catalogue.attribution.model_copy(update=settings)})
    luck = random.Random(6)
    lives = {f"c{customer}": a_life(customer, luck) for customer in range(150)}
    converted: Counter[tuple[str, ...]] = Counter()
    missed: Counter[tuple[str, ...]] = Counter()
    made = []
    for events in lives.values():
        outputs = worked(events, catalogue)
        made += outputs
        for record in newest(outputs, topics.CONVERSIONS, "conversion_id"):
            if record["closing"]:
                converted[tuple(step["channel"] for step in record["path"])] += 1
        for journey in newest(outputs, topics.JOURNEYS, "journey_id"):
            if journey.get("converted_at") is None:
                missed[path_at(events, datetime.fromisoformat(journey["last_at"]), catalogue)] += 1
    land(store, made)
    found = read_paths(store, catalogue, Window(UNTIL)).paths
    named = sequences(found)
    assert len(set(named)) == len(named)
    ways = {path: (int(c), int(o)) for path, c, o in zip(named, found.converting, found.others, strict=True)}
    expected = {path: (converted[path], missed[path]) for path in converted | missed if path}
    assert ways == expected
    assert found.pathless == converted[()]
    assert {"withheld", "email"} <= set(found.names)
    assert sum(missed.values()) > 100


def test_a_fit_is_kept_once_with_its_figures_and_is_not_in_force_before_it_is_published(store: Store) -> None:
    luck, catalogue = random.Random(1), load()
    land(store, worked([event for customer in range(60) for event in a_life(customer, luck)], catalogue))
    window = Window(UNTIL, since=START)
    for day in (1, 2, 3):
        now = ARRIVAL + timedelta(days=day)
        name = model_name("markov", 1, "channel")
        found = learn(store, catalogue, window, "channel", Request(bootstrap=5), name, now)
        keep(store, found)
        keep(store, found)
    views = store.database
    fits = store.rows(f"SELECT fitted_at, published_at, in_force, journeys, coverage, draws FROM {views}.model_fits")
    assert [(row[0].replace(tzinfo=UTC), *row[1:3]) for row in fits] == [
        (ARRIVAL + timedelta(days=day), None, False) for day in (3, 2, 1)
    ]
    assert {row[3:] for row in fits} == {(found.model.journeys, found.fit.diagnosis.coverage, 5)}
    assert kept(store) == []
    assert kept(store, str(found.model.fit_id)[:13]) == [found.model]
    sums = store.rows(
        f"SELECT fit_id, sum(weight), sum(own_total), sum(conversions) FROM {views}.model_weights GROUP BY fit_id"
    )
    assert len(sums) == 3
    for _, weight, own, split in sums:
        assert weight == 1
        assert own == pytest.approx(found.model.converted)
        assert split == pytest.approx(found.model.converted)


def test_micro_conversions_are_learned_from_by_name_and_journeys_without_one_did_not_convert(store: Store) -> None:
    luck, catalogue = random.Random(2), load()
    outputs = worked([event for customer in range(80) for event in a_life(customer, luck)], catalogue)
    land(store, outputs)
    records = newest(outputs, topics.CONVERSIONS, "conversion_id")
    accounts = [record for record in records if record["touchpoint"] == "account_created"]
    (name,) = {record["conversion"] for record in accounts}
    journeys = {record["journey_id"] for record in newest(outputs, topics.JOURNEYS, "journey_id")}
    found = read_paths(store, catalogue, Window(UNTIL, conversions=(name,))).paths
    assert found.conversions + found.pathless == len(accounts)
    with_account = {record["journey_id"] for record in accounts}
    assert 0 < int(found.others.sum()) <= len(journeys - with_account)


def test_a_journey_that_is_open_when_the_window_ends_is_left_out_unless_asked_for(store: Store) -> None:
    luck, catalogue = random.Random(3), load()
    events = [event for customer in range(40) for event in a_life(customer, luck)]
    land(store, worked(events, catalogue))
    until = START + timedelta(days=81)
    over = read_paths(store, catalogue, Window(until)).paths
    every = read_paths(store, catalogue, Window(until, with_open=True)).paths
    assert int(over.others.sum()) < int(every.others.sum())
    assert over.conversions == every.conversions


class Done(NamedTuple):
    """What a command has said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def test_the_command_publishes_a_model_that_gives_weights_to_a_path_and_lists_the_fit(
    store: Store, tansu_broker: TansuBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    luck, catalogue = random.Random(4), load()
    land(store, worked([event for customer in range(60) for event in a_life(customer, luck)], catalogue))
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", tansu_broker.bootstrap)
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__PORT", str(store.connection.port))
    monkeypatch.setenv("TOUCHPATH_CLICKHOUSE__DATABASE", store.database)

    def touchpath(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["touchpath", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    assert touchpath("topics").returncode == 0
    words = ("attribution", "fit", "--until", UNTIL.isoformat(), "--bootstrap", "20", "--name", f"m_{store.database}")
    words += ("--no-restate",)  # nobody works here; test_attribution_restate has the rest
    looked = touchpath(*words, "--dry-run")
    assert looked.returncode == 0, looked.stderr
    assert looked.stdout.startswith("name\tweight\tlow\thigh")
    assert touchpath("attribution", "fits", "--json").stdout.strip() == "[]"
    done = touchpath(*words, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    consumer = KafkaConsumer(
        topics.MODELS.name, bootstrap_servers=tansu_broker.bootstrap, auto_offset_reset="earliest",
        group_id=None, consumer_timeout_ms=10_000,
    )  # fmt: skip
    record = next(record for record in consumer if record.key == f"m_{store.database}".encode())
    consumer.close()
    published = AttributionModel.model_validate_json(record.value)
    assert published.published_at is not None
    model = published.model_copy(update={"published_at": None})  # of the fit itself that is no part
    assert model == AttributionModel.model_validate(said["model"])
    weighed = weights_on([Touch(0, bytes(16), "email_clicked", "email", None, 0)], weights_of(model))
    assert weighed == [round(next(line["weight"] for line in said["lines"] if line["name"] == "email") * 10**9)]
    (listed,) = json.loads(touchpath("attribution", "fits", "--json").stdout)
    assert (listed["fit_id"], listed["in_force"]) == (str(model.fit_id), True)
    second = json.loads(touchpath(*words, "--json").stdout)["model"]["fit_id"]
    assert [str(one.fit_id) for one in kept(store)] == [second]
    back = touchpath("attribution", "publish", "--no-restate", str(model.fit_id)[:20])
    assert back.returncode == 0, back.stderr
    assert kept(store) == [model]
    again = touchpath("attribution", "publish", "--no-restate", "--json")
    assert [line["fit_id"] for line in json.loads(again.stdout)["published"]] == [str(model.fit_id)]
    nothing = touchpath("attribution", "publish", "00000000")
    assert (nothing.returncode, nothing.stderr.partition(":")[2].strip()) == (
        2, "there is no fit 00000000: see `touchpath attribution fits`"
    )  # fmt: skip
    early = touchpath("attribution", "fit", "--until", "2020-01-01", "--dry-run")
    assert (early.returncode, early.stderr.strip()) == (
        1, "touchpath: no conversion has a path: there is nothing to learn from"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--model", "magic"], "--model: 'magic' is neither markov nor shapley"),
        (["--model", "shapley", "--order", "2"], "--order belongs to markov"),
        (["--level", "shop"], "--level: 'shop' is none of channel, campaign, touchpoint"),
        (["--conversion", "wish"], "--conversion: the catalogue has no 'wish'"),
        (["--every", "soon"], "--every: 'soon' is no time span"),
        (["--name", "linear"], "--name: the catalogue has a model 'linear' already"),
        (["--since", "2026-02-01", "--until", "2026-01-01"], "--since is not before --until"),
    ],
)
def test_a_fit_that_cannot_be_meant_is_wrong_usage(
    words: list[str], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["touchpath", "attribution", "fit", *words])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == Exit.USAGE
    assert reason in capsys.readouterr().err


def test_without_conversions_nothing_is_learned_and_it_is_said(store: Store) -> None:
    with pytest.raises(FitError, match="no conversion has a path"):
        learn(store, load(), Window(UNTIL), "channel", Request(), "markov", ARRIVAL)
