"""Every wire model's record becomes a row that reads back equal, through the real engine; nothing is dropped."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from schemas import topics
from schemas.base import NAMESPACE, WireModel
from schemas.bodies import EmailBody, HotlineBody, LineItem, OtherBody, StoreBody, SurveyBody, WebBody
from schemas.conversion import ConversionRecord, PathStep
from schemas.credit import CreditEntry, Posting
from schemas.identifier import Identifier
from schemas.identity import Command, Evidence, IdentityMessage, Label, Labelled, Parted, Seen
from schemas.journey import JourneySnapshot
from schemas.mark import Mark
from schemas.money import Money
from schemas.moves import Arrival, Forwarding, MovedTouch, Route
from schemas.profile import ProfileChange
from schemas.quarantine import QuarantineRecord
from schemas.resolved import Resolved
from schemas.touchpoint import Campaign, Touchpoint
from sinks.cells import Rows
from sinks.client import Store
from sinks.rows import COLUMNS, TOPICS, read
from tests.integration.sink_parts import ARecord

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
ODD = "ü ' \" \\ \n \t \0 😀"


def an_id(name: str) -> UUID:
    return uuid5(NAMESPACE, name)


def a_touchpoint(id_of: str, body: Any, **more: Any) -> Touchpoint:
    fields: dict[str, Any] = {
        "event_id": an_id(id_of),
        "source": "web",
        "touchpoint": "bar.drinks",
        "channel": "web",
        "occurred_at": AT,
        "received_at": AT + timedelta(microseconds=1),
        "body": body,
    }
    return Touchpoint(**fields | more)


ITEMS = (
    LineItem(product=ODD, category=None, quantity=Decimal("0.000000000000000001"), value=Decimal("-1E+17")),
    LineItem(product="", category="c", quantity=Decimal("89638"), value=None),
)
FULL = {
    "identifiers": (Identifier(kind="customer", value=ODD.strip()), Identifier(kind="email", value="a@b.example")),
    "campaign": Campaign(name="n", source="s", medium="m", term="t", content="c"),
    "order_id": "o-1",
    "amount": Money(amount=Decimal("99999999999999.9999"), currency="UYW"),
    "name": "Order Completed",
    "properties": {"deep": [1, 2.5, None, True, {"x": ODD}], "": {}},
}

STEP = PathStep(touchpoint_id=an_id("t"), touched_at=AT, touchpoint="page_view", channel="web", campaign=None)
ENTRY = CreditEntry(
    entry_id=an_id("e1"), model="linear", revision=1, sign=1, touchpoint_id=an_id("t"), touchpoint="page_view",
    channel="web", campaign=ODD, touched_at=AT, credit=Decimal("0.333333334"), value_minor=-(2**53) - 1,
)  # fmt: skip
CONVERSION: dict[str, Any] = {
    "conversion_id": an_id("c"), "profile_id": an_id("p"), "journey_id": an_id("j"), "revision": 1,
    "conversion": "purchase", "closing": True, "occurred_at": AT, "touchpoint": "order_completed", "channel": "web",
    "source": "shop", "recorded_at": AT,
}  # fmt: skip
JOURNEY: dict[str, Any] = {
    "journey_id": an_id("j"), "profile_id": an_id("p"), "revision": 7, "status": "open", "opening_event": an_id("t"),
    "opened_at": AT, "last_at": AT + timedelta(days=1), "touchpoints": 3, "touches": 2, "visits": 1, "conversions": 0,
    "first_touchpoint": "page_view", "last_touchpoint": "call", "recorded_at": AT,
}  # fmt: skip

CHANGE: dict[str, Any] = {
    "profile_id": an_id("p"), "identifier": f"anonymous:{ODD.strip()}", "version": 3, "change": "merged",
    "named_by": "customer:c1", "previous_profile_id": an_id("q"), "cause": "event", "evidence": an_id("full"),
    "recorded_at": AT,
}  # fmt: skip
EVIDENCE = Evidence(id=an_id("full"), cause="event", recorded_at=AT)
LABEL = Label(named="customer:c1", distance=0, path=("customer:c1",))
COMMANDS = [
    Command(
        to="loyalty:4711", action="merge", other="customer:c1", command_id=an_id("m"), requested_at=AT,
        requested_by="service desk", reason=ODD.strip(),
    ),
    Command(to="loyalty:4711", action="unmerge", command_id=an_id("u"), requested_at=AT, requested_by="service desk"),
]  # fmt: skip
MOVE: dict[str, Any] = {
    "owner": f"customer:{ODD.strip()}", "version": 2**32 - 1, "cause": "unmerge", "evidence": an_id("u"),
    "recorded_at": AT,
}  # fmt: skip
ARRIVAL = Arrival(
    **MOVE, from_profile=an_id("p"), revision=2,
    touches=tuple(
        MovedTouch(event_id=an_id(name), occurred_at=AT, touchpoint="call", channel="hotline") for name in ("a", "b")
    ),
)  # fmt: skip
FORWARDING = Forwarding(**MOVE, routes=(Route(profile_id=an_id("q")),))

#: One record of each model with all of it filled in, and one with as little as may be.
RECORDS: dict[str, list[WireModel]] = {
    topics.COLLECTED.name: [a_touchpoint("full", StoreBody(items=ITEMS), **FULL), a_touchpoint("bare", OtherBody())],
    topics.RESOLVED.name: [
        Resolved(
            profile_id=an_id("p"), owner=f"customer:{ODD.strip()}", policy="device_only", version=2**32 - 1,
            touchpoint=a_touchpoint("full", StoreBody(items=ITEMS), **FULL),
        ),
        Resolved(profile_id=None, touchpoint=a_touchpoint("bare", OtherBody())),
        Resolved(profile_id=None, touchpoint=a_touchpoint("web", WebBody(url=ODD, items=ITEMS[:1]))),
        Resolved(profile_id=None, touchpoint=a_touchpoint("email", EmailBody(machine=True, link="l"))),
        Resolved(
            profile_id=None, touchpoint=a_touchpoint("call", HotlineBody(waiting_time=Decimal("1.5")))
        ),
        Resolved(
            profile_id=None,
            touchpoint=a_touchpoint(
                "survey", SurveyBody(metric="ces", score=6, scale_min=1, scale_max=7, about_event=an_id("call"))
            ),
        ),
        Resolved(profile_id=an_id("p"), forwarding=FORWARDING),
        Resolved(profile_id=an_id("q"), arrival=ARRIVAL),
    ],
    topics.PROFILES.name: [
        ProfileChange(**CHANGE),
        ProfileChange(**CHANGE | {"since": AT, "until": AT + timedelta(microseconds=1), "policy": "split_at_login"}),
        ProfileChange(
            **CHANGE | {"change": "stopped", "guard": "unique", "other": "customer:c2", "cause": "guard", "version": 0}
        ),
    ],
    topics.IDENTITY.name: [
        *(IdentityMessage(message=message) for message in COMMANDS),
        IdentityMessage(message=Seen(to="customer:c1", sender="email:a@b.example", evidence=EVIDENCE, label=LABEL)),
        IdentityMessage(message=Labelled(to="customer:c1", sender="email:a@b.example", evidence=EVIDENCE)),
        IdentityMessage(
            message=Parted(to="customer:c1", sender="email:a@b.example", decided_at=AT, evidence=EVIDENCE)
        ),
    ],
    topics.JOURNEYS.name: [
        JourneySnapshot(**JOURNEY),
        JourneySnapshot(
            **JOURNEY
            | {"journey_id": an_id("j2"), "withdrawn": True, "status": "converted", "converted_at": AT,
               "closing_conversion": an_id("c"), "channels": ("web", "store")}
        ),
    ],
    topics.CONVERSIONS.name: [
        ConversionRecord(**CONVERSION),
        ConversionRecord(
            **CONVERSION
            | {"conversion_id": an_id("c2"), "withdrawn": True, "order_id": "o", "currency": "KWD", "minor_digits": 3,
               "gross_minor": 2**62, "net_minor": -5, "path": (STEP, STEP.model_copy(update={"campaign": "x"}))}
        ),
    ],
    topics.CREDITS.name: [
        Posting(
            conversion_id=an_id("c"), profile_id=an_id("p"), conversion="purchase", occurred_at=AT, cause="refund",
            currency="EUR", minor_digits=2, recorded_at=AT,
            entries=(
                ENTRY,
                CreditEntry(entry_id=an_id("e2"), model="first", revision=2, sign=-1, touchpoint_id=None,
                            credit=Decimal(-1), value_minor=0),
            ),
        )
    ],
    topics.MARKS.name: [Mark(event_id=an_id("e"), profile_id=an_id("p"), mark="beyond_horizon", recorded_at=AT)],
    topics.QUARANTINE.name: [
        QuarantineRecord.of(source="s", door="http:/v1/track", reason="$: no", raw=raw, received_at=AT)
        for raw in (ODD.encode(), b"\xff\x00\xfe", b"")
    ],
}  # fmt: skip

Read = Callable[[dict[str, Any]], WireModel]


def utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=UTC)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: utc(value) if isinstance(value, datetime) else value for name, value in row.items()}


def touchpoint_of(row: dict[str, Any]) -> Resolved:
    body = json.loads(row["body"])
    assert row["body_kind"] == body["kind"]
    lines = zip(row["items.product"], row["items.category"], row["items.quantity"], row["items.value"], strict=True)
    items = tuple(LineItem(product=p, category=c, quantity=q, value=v) for p, c, q, v in lines)
    assert items == tuple(LineItem.model_validate(item) for item in body.get("items", ()))
    campaign = Campaign(
        name=row["campaign"],
        **{part: row[f"campaign_{part}"] for part in ("source", "medium", "term", "content")},
    )
    kinds = zip(row["identifiers.kind"], row["identifiers.value"], strict=True)
    kept = ("event_id", "source", "touchpoint", "channel", "occurred_at", "received_at", "order_id", "name")
    return Resolved(
        profile_id=row["profile_id"],
        owner=row["owner"],
        policy=row["policy"],
        version=row["plan"],
        touchpoint=Touchpoint(
            **{name: row[name] for name in kept},
            identifiers=tuple(Identifier(kind=kind, value=value) for kind, value in kinds),
            campaign=None if campaign == Campaign() else campaign,
            amount=None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"]),
            body=body,
            properties=json.loads(row["properties"]),
        ),
    )


def of(model: type[WireModel]) -> Read:
    return lambda row: model.model_validate({name: row[name] for name in model.model_fields})


def conversion_of(row: dict[str, Any]) -> ConversionRecord:
    names = list(PathStep.model_fields)
    steps = zip(*(row[f"path.{name}"] for name in names), strict=True)
    path = tuple(PathStep(**plain(dict(zip(names, step, strict=True)))) for step in steps)
    assert row["gross"] == Decimal(row["gross_minor"]).scaleb(-row["minor_digits"])
    assert row["net"] == Decimal(row["net_minor"]).scaleb(-row["minor_digits"])
    kept = set(ConversionRecord.model_fields) - {"path"}
    return ConversionRecord(**{name: row[name] for name in kept}, path=path)


def collected_of(row: dict[str, Any]) -> Touchpoint:
    touchpoint = Touchpoint.model_validate_json(row["value"])
    assert row["event_id"] == touchpoint.event_id
    return touchpoint


def command_of(row: dict[str, Any]) -> IdentityMessage:
    said = {name: row[name] for name in Command.model_fields if name not in {"to", "type"}}
    message = IdentityMessage(message=Command(to=row["identifier"], **said))
    assert IdentityMessage.model_validate_json(row["value"]) == message
    return message


def change_of(row: dict[str, Any]) -> ProfileChange:
    return ProfileChange(**{name: row["plan" if name == "version" else name] for name in ProfileChange.model_fields})


READS: dict[str, tuple[str, Read]] = {
    topics.COLLECTED.name: ("collected_log", collected_of),
    topics.RESOLVED.name: ("touchpoints_log", touchpoint_of),
    topics.IDENTITY.name: ("commands_log", command_of),
    topics.PROFILES.name: ("profiles_log", change_of),
    topics.JOURNEYS.name: ("journeys_log", of(JourneySnapshot)),
    topics.CONVERSIONS.name: ("conversions_log", conversion_of),
    topics.MARKS.name: ("marks_log", of(Mark)),
    topics.QUARANTINE.name: ("quarantine_log", of(QuarantineRecord)),
}


def land(store: Store) -> None:
    rows: Rows = {}
    for topic, records in RECORDS.items():
        sent = [ARecord(n, b"k", record.model_dump_json().encode()) for n, record in enumerate(records)]
        assert read(topic, 0, sent, 1, rows) == 0
    for table, found in rows.items():
        store.insert(table, COLUMNS[table], found)


def stored(store: Store, table: str) -> list[dict[str, Any]]:
    names = COLUMNS[table]
    columns = ", ".join(f"`{name}`" for name in names)
    found = store.rows(f"SELECT {columns} FROM {store.database}.{table} FINAL ORDER BY kafka_offset")
    return [plain(dict(zip(names, row, strict=True))) for row in found]


def test_every_topic_that_the_contract_gives_to_the_sink_is_read_and_has_records_here() -> None:
    given = {topic.name for topic in topics.TOPICS if "sink" in topic.readers}
    assert set(TOPICS) == given == set(RECORDS)
    for topic, records in RECORDS.items():
        assert {type(record) for record in records} == {topics.BY_NAME[topic].model}


def lands_whole(record: WireModel) -> bool:
    """What identifiers say to each other is not landed, and of a move only where it leads."""
    if isinstance(record, IdentityMessage):
        return isinstance(record.message, Command)
    return not isinstance(record, Resolved) or record.touchpoint is not None


def test_every_record_reads_back_equal(store: Store) -> None:
    land(store)
    for topic, (table, read_back) in READS.items():
        wanted = [record for record in RECORDS[topic] if lands_whole(record)]
        assert [read_back(row) for row in stored(store, table)] == wanted, topic


def test_an_arrival_says_of_each_touchpoint_where_it_is_now(store: Store) -> None:
    land(store)
    rows = stored(store, "placements_log")
    assert {row["event_id"] for row in rows} == {touch.event_id for touch in ARRIVAL.touches}
    assert len(rows) == len(ARRIVAL.touches)
    for row in rows:
        move = {name: row[name] for name in ("owner", "cause", "evidence", "recorded_at")} | {"version": row["plan"]}
        assert move == MOVE
        assert (row["profile_id"], row["from_profile"]) == (an_id("q"), ARRIVAL.from_profile)


def test_every_column_of_a_table_is_filled_by_the_sink_or_follows_from_one(store: Store) -> None:
    for table, columns in COLUMNS.items():
        found = store.rows(
            "SELECT name FROM system.columns WHERE database = {db:String} AND table = {t:String}"
            " AND default_kind != 'MATERIALIZED'",
            {"db": store.database, "t": table},
        )
        assert {name for (name,) in found} == set(columns), table


def test_every_entry_of_a_posting_reads_back_equal(store: Store) -> None:
    land(store)
    (posting,) = RECORDS[topics.CREDITS.name]
    assert isinstance(posting, Posting)
    rows = stored(store, "credits_log")
    rows.sort(key=lambda row: [entry.entry_id for entry in posting.entries].index(row["entry_id"]))
    entries = tuple(CreditEntry.model_validate({name: row[name] for name in CreditEntry.model_fields}) for row in rows)
    shared = [{name: row[name] for name in Posting.model_fields if name != "entries"} for row in rows]
    assert [Posting(**head, entries=entries) for head in shared] == [posting, posting]
    assert [row["value"] for row in rows] == [Decimal(entry.value_minor).scaleb(-2) for entry in posting.entries]


def test_the_views_say_no_less_than_the_tables(store: Store) -> None:
    """A column that is landed and that no view shows would be lost to users."""
    shown: set[str] = set()
    for view in ("touchpoints", "journeys", "conversions", "credits", "quarantine"):
        columns = store.rows(
            "SELECT name FROM system.columns WHERE database = {db:String} AND table = {view:String}",
            {"db": store.database, "view": view},
        )
        shown = {name for (name,) in columns}
        hidden = {"version", "plan", "withdrawn", "epoch", "kafka_partition", "kafka_offset"}
        assert set(COLUMNS[f"{view}_log"]) - shown <= hidden, view
