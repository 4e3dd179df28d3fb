"""Bad bytes on the topics: quarantined with the reason as a path and the place, while the good beside them go on."""

import json
from typing import Any

import pytest

from schemas.catalogue import load
from schemas.quarantine import QuarantineRecord
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from streams.core.stage import Output, Stage, StageResult
from tests.properties.folding import ARecord
from tests.unit.core.life import DAY, call, event, purchase

GOOD = call(1, DAY)
GOOD_JSON: dict[str, Any] = json.loads(GOOD.model_dump_json())
TIMESTAMP = 1_700_000_000_123


def but(**changes: Any) -> bytes:
    return json.dumps({**GOOD_JSON, **changes}).encode()


def resolved(touchpoint: bytes, profile: str = '"6b0f6a52-0d0e-5c39-9d3c-5f5f3e1c7a10"') -> bytes:
    return b'{"profile_id":%s,"touchpoint":%s}' % (profile.encode(), touchpoint)


def process(stage: Stage, *values: bytes | None) -> StageResult:
    records = [
        ARecord(offset, b"customer:ada", value, TIMESTAMP, stage.input_topic)
        for offset, value in enumerate(values, start=17)
    ]
    return stage.process(3, records, lambda _: None)


def sent_on(outputs: list[Output]) -> list[Output]:
    return [output for output in outputs if output.topic == "touchpath.resolved"]


def quarantined(outputs: list[Output]) -> list[QuarantineRecord]:
    return [QuarantineRecord.model_validate_json(o.value) for o in outputs if o.topic == "touchpath.quarantine"]


NO_JSON: dict[str, bytes | None] = {
    "a tombstone": None,
    "nothing": b"",
    "no UTF-8": b"\xff\xfe\x00",
    "half a record": but()[:-20],
    "a byte order mark": b"\xef\xbb\xbf" + but(),
    "null": b"null",
    "a list": b"[]",
    "a number": b"5",
    "a nest of 100,000": b"[" * 100_000,
}
BROKEN: dict[str, tuple[bytes, str]] = {
    "an unknown field": (but(zork=1), "$.zork: "),
    "a name that is none": (but(touchpoint="Page View"), "$.touchpoint: "),
    "a word for a time": (but(occurred_at="yesterday"), "$.occurred_at: "),
    "a time without a zone": (but(occurred_at="2026-01-01T00:00:00"), "$.occurred_at: "),
    "a time before 1990": (but(occurred_at="1989-12-31T23:59:59Z"), "$: occurred_at 1989"),
    "a time two days ahead": (but(occurred_at="2027-01-01T00:00:00Z"), "$: occurred_at 2027"),
    "a time before the calendar": (but(occurred_at="0001-01-01T00:00:00+01:00"), "$.occurred_at: "),
    "a time behind the calendar": (but(received_at="9999-12-31T23:59:59-01:00"), "$.received_at: "),
    "a currency that nobody knows": (but(amount={"amount": "5", "currency": "XXQ"}), "$.amount.currency: 'XXQ'"),
    "too many decimals": (but(amount={"amount": "5.001", "currency": "EUR"}), "$.amount: 5.001 has more"),
    "more than can be counted": (but(amount={"amount": "9" * 18, "currency": "EUR"}), "$.amount: "),
    "no number": (but(amount={"amount": "much", "currency": "EUR"}), "$.amount.amount: "),
    "not a number": (but(amount={"amount": "NaN", "currency": "EUR"}), "$.amount.amount: "),
    "a blank identifier": (but(identifiers=[{"kind": "email", "value": "null"}]), "$.identifiers[0].value: "),
    "the second item of a body": (
        but(body={"kind": "store", "items": [{"product": "p"}, {"product": "p", "value": ""}]}),
        "$.body.store.items[1].value: ",
    ),
    "a body of no kind": (but(body={"kind": "zork"}), "$.body: "),
}


@pytest.mark.parametrize("value", NO_JSON.values(), ids=NO_JSON)
@pytest.mark.parametrize("stage", [ResolveStage(load()), FoldStage(load())], ids=["resolve", "fold"])
def test_what_is_no_record_is_quarantined_and_never_raises(stage: Stage, value: bytes | None) -> None:
    result = process(stage, value)
    (record,) = quarantined(result.outputs)
    assert record.reason.startswith("$: ")
    assert record.original == (value or b"")
    assert record.source == f"topic:{stage.input_topic}"
    assert record.door == f"topic:{stage.input_topic}/3@17"
    assert result.counts["quarantined"] == 1
    assert result.state == {}


@pytest.mark.parametrize(("value", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_the_contract_is_quarantined_with_the_reason_as_a_path(value: bytes, reason: str) -> None:
    stage = ResolveStage(load())
    process(stage, but())  # the names are known from here on, so that the quick judge looks first
    (record,) = quarantined(process(stage, value).outputs)
    assert record.reason.startswith(reason)
    assert record.original == value


FOLDED_FIGURES = [
    "a time before the calendar",
    "a currency that nobody knows",
    "more than can be counted",
    "no number",
    "not a number",
]


@pytest.mark.parametrize("case", FOLDED_FIGURES)
def test_figures_that_the_fold_cannot_hold_are_quarantined_there_too(case: str) -> None:
    value, reason = BROKEN[case]
    result = process(FoldStage(load()), resolved(value))
    (record,) = quarantined(result.outputs)
    assert record.reason.startswith(reason.replace("$", "$.touchpoint", 1))
    assert result.state == {}


@pytest.mark.parametrize("stage", ["resolve", "fold"])
def test_good_neighbours_go_through(stage: str) -> None:
    first, last = call(1, DAY), purchase(2, 2 * DAY)
    values = [first.model_dump_json().encode(), b"\xff", b"{}", last.model_dump_json().encode()]
    chosen: Stage
    if stage == "fold":
        chosen = FoldStage(load())
        values = [resolved(value) if value.startswith(b'{"') else value for value in values]
        result = process(chosen, *values)
        assert result.counts["applied"] == 2
        assert sum(o.topic == "touchpath.conversions" for o in result.outputs) == 1
    else:
        chosen = ResolveStage(load())
        result = process(chosen, *values)
        assert sum(o.topic == "touchpath.resolved" for o in result.outputs) == 2
    assert [record.door.rpartition("@")[2] for record in quarantined(result.outputs)] == ["18", "19"]


def test_the_quarantine_record_carries_the_ingest_time_and_the_same_bytes_the_same_id() -> None:
    one, other = (process(ResolveStage(load()), b"\xff").outputs[0] for _ in range(2))
    assert one == other
    assert one.timestamp == TIMESTAMP
    assert quarantined([one])[0].received_at.isoformat() == "2023-11-14T22:13:20.123000+00:00"


@pytest.mark.parametrize("timestamp", [-1, 0, 2**62])
def test_any_record_timestamp_can_be_quarantined(timestamp: int) -> None:
    result = ResolveStage(load()).process(0, [ARecord(0, None, b"", timestamp)], lambda _: None)
    assert len(quarantined(result.outputs)) == 1


def test_without_an_identifier_it_is_landed_under_its_event_and_not_stitched() -> None:
    value = but(identifiers=[])
    (output,) = process(ResolveStage(load()), value).outputs
    assert output.key == b"event:00000000-0000-0000-0000-000000000001"
    assert json.loads(output.value)["profile_id"] is None
    result = process(FoldStage(load()), output.value)
    assert (result.outputs, result.state, dict(result.counts)) == ([], {}, {"unstitched": 1})


def test_what_the_contract_was_asked_about_goes_on_as_the_contract_understood_it() -> None:
    value = but(order_id=" o1 ", occurred_at="2026-01-02T01:00:00+01:00")
    output = sent_on(process(ResolveStage(load()), value).outputs)[0]
    touchpoint = json.loads(output.value)["touchpoint"]
    assert (touchpoint["order_id"], touchpoint["occurred_at"]) == ("o1", "2026-01-02T00:00:00Z")


def test_a_trusted_touchpoint_goes_on_byte_by_byte() -> None:
    value = event(5, DAY, "call", "hotline", order="o1").model_dump_json(exclude_none=True).encode()  # as doors do
    stage = ResolveStage(load())
    outputs = sent_on(process(stage, value, value).outputs)
    assert outputs[0].value == outputs[1].value
    assert outputs[1].value.endswith(value + b"}")


def test_what_a_foreign_writer_keyed_otherwise_goes_back_under_its_own_key_to_where_its_node_lives() -> None:
    value = event(5, DAY, "call", "hotline").model_dump_json(exclude_none=True).encode()
    result = ResolveStage(load()).process(0, [ARecord(0, b"call:5", value, TIMESTAMP)], lambda _: None)
    assert [(o.topic, o.key, o.value) for o in result.outputs] == [("touchpath.collected", b"customer:ada", value)]
    assert (result.state, result.counts["rerouted"]) == ({}, 1)
