"""Asterisk's Master.csv: 18 columns without a heading, all legs of a call in one touchpoint."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from producers.adapters.hotline import asterisk_cdr
from producers.adapters.hotline.asterisk_cdr import COLUMNS
from tests.unit.producers.hotline.taking import body, context, filed, keys, one, reason, row_of, taken

LEG = {
    "accountcode": "",
    "src": "03012345678",
    "dst": "8006",
    "dcontext": "from-trunk",
    "clid": '"" <03012345678>',
    "channel": "SIP/trunk-00000001",
    "dstchannel": "SIP/8006-00000fa5",
    "lastapp": "Dial",
    "lastdata": "SIP/8006,30",
    "start": "2018-06-30 17:59:35",
    "answer": "2018-06-30 17:59:47",
    "end": "2018-06-30 18:01:50",
    "duration": "135",
    "billsec": "123",
    "disposition": "ANSWERED",
    "amaflags": "DOCUMENTATION",
    "uniqueid": "1530381575.8950",
    "userfield": "",
}


def row(**changes: str) -> str:
    cells = [(LEG | changes)[name] for name in COLUMNS if name in LEG or name in changes]
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


def test_a_record_is_a_call_with_its_figures_in_local_time() -> None:
    found = one(filed(asterisk_cdr.ADAPTER, row()))
    told = body(found)
    assert row_of(found.touchpoint, told.result, told.waiting_time, told.talk_time) == ("call", "answered", 12, 123)
    assert found.occurred_at == datetime(2018, 6, 30, 15, 59, 35, tzinfo=UTC)
    assert keys(found) == ["phone:+493012345678"]
    assert (found.properties["agent"], found.properties["call_id"]) == ("SIP/8006", "1530381575.8950")


def test_a_source_without_a_zone_is_refused() -> None:
    assert asterisk_cdr.ADAPTER.zone_needed
    assert "declare the time zone" in reason(filed(asterisk_cdr.ADAPTER, row(), context(zone=None)))


def test_a_ring_of_several_telephones_is_one_call() -> None:
    missed = {"answer": "", "disposition": "NO ANSWER", "billsec": "0"}
    rows = row(dstchannel="SIP/1-00000001", **missed) + row(dstchannel="SIP/2-00000002", **missed) + row()
    found = one(filed(asterisk_cdr.ADAPTER, rows))
    assert row_of(body(found).talk_time, body(found).waiting_time, found.properties["agent"]) == (123, 12, "SIP/8006")
    assert (found.properties["transfers"], found.properties["legs"]) == (0, 3)


def test_a_transfer_is_another_leg_and_talks_that_overlap_count_once() -> None:
    second = row(
        dstchannel="SIP/8007-00000fa6", start="2018-06-30 18:01:40", answer="2018-06-30 18:01:45",
        end="2018-06-30 18:02:50", duration="70", billsec="65",
    )  # fmt: skip
    found = one(filed(asterisk_cdr.ADAPTER, row() + second))
    assert row_of(body(found).talk_time, found.properties["transfers"], found.properties["agent"]) == (
        183,
        1,
        "SIP/8007",
    )


def test_legs_with_other_unique_ids_belong_together_by_their_linked_id() -> None:
    more = {"peeraccount": "", "linkedid": "L1", "sequence": "1"}
    found = one(filed(asterisk_cdr.ADAPTER, row(**more) + row(uniqueid="2", **more | {"sequence": "2"})))
    assert (found.properties["call_id"], found.properties["legs"]) == ("L1", 2)


def test_who_leaves_a_queue_that_answered_for_itself_gave_up() -> None:
    found = one(filed(asterisk_cdr.ADAPTER, row(lastapp="Queue", lastdata="support,tT", dstchannel="")))
    told = body(found)
    assert row_of(found.touchpoint, told.result, told.queue, told.waiting_time) == (
        "call_abandoned",
        "abandoned",
        "support",
        135,
    )


def test_a_call_that_only_a_machine_took_is_self_service() -> None:
    found = one(filed(asterisk_cdr.ADAPTER, row(lastapp="Playback", lastdata="hours", dstchannel="")))
    assert (found.touchpoint, body(found).result) == ("call_self_service", None)


@pytest.mark.parametrize("disposition", ["NO ANSWER", "BUSY", "FAILED", "CONGESTION"])
def test_who_reached_nobody_gave_up(disposition: str) -> None:
    found = one(filed(asterisk_cdr.ADAPTER, row(disposition=disposition, answer="", billsec="0", lastapp="")))
    assert (found.touchpoint, found.name) == ("call_abandoned", disposition)


def test_the_numbers_tell_who_called_whom() -> None:
    outbound = one(filed(asterisk_cdr.ADAPTER, row(src="8016", dst="03012345678")))
    assert (outbound.touchpoint, keys(outbound)) == ("call_outbound", ["phone:+493012345678"])
    switchboard = one(filed(asterisk_cdr.ADAPTER, row(src="+4930999900", dst="03012345678")))
    assert (switchboard.touchpoint, switchboard.properties["company_number"]) == ("call_outbound", "+4930999900")
    internal = one(filed(asterisk_cdr.ADAPTER, row(src="8016", dst="8017")))
    assert (internal.touchpoint, keys(internal)) == ("call_internal", [])
    assert one(filed(asterisk_cdr.ADAPTER, row(src="anonymous", clid=""))).properties["number_withheld"] is True


def test_a_call_while_the_clocks_go_back_is_taken() -> None:
    night = {"start": "2018-10-28 02:59:50", "answer": "2018-10-28 02:00:00", "end": "2018-10-28 02:00:20"}
    assert body(one(filed(asterisk_cdr.ADAPTER, row(**night, duration="30", billsec="20")))).talk_time == 20


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"duration": "-1"}, "$.line[1].duration: negative"),
        ({"duration": "x"}, "$.line[1].duration: not a number of seconds"),
        ({"billsec": "500"}, "$.line[1].billsec: 500 s is longer than the call of 135 s"),
        ({"end": "2018-06-30 17:00:00"}, "$.line[1].end: before the start"),
        ({"answer": "2018-06-30 17:00:00"}, "$.line[1].answer: before the start"),
        ({"end": "2018-06-30 19:00:00"}, "$.line[1].duration: 135 s, where it ended 2018-06-30 19:00:00"),
        ({"start": "soon"}, "$.line[1].start: not a time"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(changes: dict[str, str], path: str) -> None:
    assert reason(filed(asterisk_cdr.ADAPTER, row(**changes))).startswith(path)


def test_lines_that_are_no_records_leave_their_neighbours_alone() -> None:
    found = filed(asterisk_cdr.ADAPTER, '"a","b"\n"open\n' + row() + row()[:-1])
    assert [reason([outcome]) for outcome in found[:3]] == [
        "$.line[1]: 2 columns, where Master.csv has 18",
        "$.line[2]: not CSV: unexpected end of data",
        "$.line[4]: cut off: the file's last line has no line break",
    ]
    assert len(taken(found[3:])) == 1


def test_records_without_an_id_stand_for_themselves() -> None:
    short = ",".join(row().strip().split(",")[:17]) + "\n"  # lastdata holds one comma
    found = taken(filed(asterisk_cdr.ADAPTER, short + short))
    assert [len(found), len({one.event_id for one in found})] == [2, 1]


def test_columns_that_a_source_never_keeps_are_blank() -> None:
    found = one(
        filed(asterisk_cdr.ADAPTER, row(userfield="u"), context(never_keep=frozenset({"src", "clid", "userfield"})))
    )
    assert (keys(found), found.properties.get("userfield")) == ([], None)


def test_only_who_calls_us_waits() -> None:
    assert body(one(filed(asterisk_cdr.ADAPTER, row(src="8016", dst="03012345678")))).waiting_time is None
