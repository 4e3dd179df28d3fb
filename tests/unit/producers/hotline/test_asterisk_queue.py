"""Asterisk's queue_log. Lines as https://docs.asterisk.org/Operation/Logging/Queue-Logs/ describes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from producers.adapters.hotline import asterisk_cdr, asterisk_queue
from tests.unit.producers.hotline.taking import body, context, filed, keys, one, reason, row_of, taken

ENTER = "1366720340|c1|Q|NONE|ENTERQUEUE||03012345678|1"
CONNECT = "1366720350|c1|Q|SIP/8008|CONNECT|10|m1|3"
COMPLETE = "1366720470|c1|Q|SIP/8008|COMPLETECALLER|10|120|1"


def log(*lines: str) -> str:
    return "".join(line + "\n" for line in lines)


def test_an_answered_call_knows_its_wait_and_its_talk() -> None:
    found = one(filed(asterisk_queue.ADAPTER, log(ENTER, CONNECT, COMPLETE)))
    told = body(found)
    assert row_of(found.touchpoint, told.result, told.queue, told.waiting_time, told.talk_time) == (
        *("call", "answered", "Q"),
        *(10, 120),
    )
    assert found.occurred_at == datetime(2013, 4, 23, 12, 32, 20, tzinfo=UTC)
    assert keys(found) == ["phone:+493012345678"]
    assert found.properties == {"direction": "inbound", "agent": "SIP/8008", "transfers": 0, "call_id": "c1"}


@pytest.mark.parametrize(
    ("line", "waited", "left"),
    [
        ("1366720400|c1|Q|NONE|ABANDON|1|1|60", 60, None),
        ("1366720400|c1|Q|NONE|EXITWITHTIMEOUT|1|1|60", 60, "exitwithtimeout"),
        ("1366720400|c1|Q|NONE|EXITWITHTIMEOUT|1", 60, "exitwithtimeout"),
        ("1366720400|c1|Q|NONE|EXITWITHKEY|2|1|1|60", 60, "exitwithkey"),
        ("1366720400|c1|Q|NONE|EXITEMPTY|1|1|60", 60, "exitempty"),
    ],
)
def test_who_leaves_the_queue_without_an_agent_gave_up(line: str, waited: int, left: str | None) -> None:
    found = one(filed(asterisk_queue.ADAPTER, log(ENTER, line)))
    assert row_of(found.touchpoint, body(found).waiting_time, body(found).talk_time) == ("call_abandoned", waited, None)
    assert found.properties.get("left") == left


def test_who_found_no_agent_signed_on_gave_up_at_once() -> None:
    found = one(filed(asterisk_queue.ADAPTER, log("1366720340|c1|Q|NONE|JOINEMPTY|")))
    assert (found.touchpoint, found.properties["left"]) == ("call_abandoned", "joinempty")


def test_several_queues_and_a_transfer_are_one_call() -> None:
    found = one(
        filed(
            asterisk_queue.ADAPTER,
            log(
                "1366720300|c1|NONE|NONE|DID|030999900",
                ENTER,
                "1366720370|c1|Q|NONE|EXITWITHTIMEOUT|1|1|30",
                "1366720370|c1|R|NONE|ENTERQUEUE||03012345678|1",
                "1366720375|c1|R|SIP/1|RINGNOANSWER|5000",
                "1366720380|c1|R|SIP/2|CONNECT|10|m1|3",
                "1366720440|c1|R|SIP/2|BLINDTRANSFER|8009|internal|10|60|1",
                "1366720441|c1|S|NONE|ENTERQUEUE||03012345678|1",
                "1366720461|c1|S|SIP/3|CONNECT|20|m2|3",
                "1366720561|c1|S|SIP/3|COMPLETEAGENT|20|100|1",
            ),
        )
    )
    told = body(found)
    assert row_of(told.waiting_time, told.talk_time, told.queue) == (40, 160, "S")
    assert (found.properties["transfers"], found.properties["agent"]) == (1, "SIP/3")
    assert found.properties["company_number"] == "+4930999900"


def test_a_line_that_is_there_twice_counts_once() -> None:
    once = one(filed(asterisk_queue.ADAPTER, log(ENTER, CONNECT, COMPLETE)))
    assert one(filed(asterisk_queue.ADAPTER, log(ENTER, ENTER, CONNECT, COMPLETE, COMPLETE))) == once


def test_lines_about_agents_are_no_contact_and_have_names_of_their_own() -> None:
    content = log(
        "1|NONE|NONE|NONE|QUEUESTART|", "1366720340|NONE|Q|SIP/1|PAUSE|lunch", "1366720341|7.1|NONE|A/1|AGENTLOGIN|x"
    )
    early, *later = filed(asterisk_queue.ADAPTER, content)
    assert "is before 1990" in reason([early])
    assert [found.touchpoint for found in taken(later)] == ["agent_status.pause", "agent_status.agentlogin"]
    assert all(keys(found) == [] for found in taken(later))
    assert (
        "agent"
        not in one(
            filed(asterisk_queue.ADAPTER, log(ENTER, CONNECT, COMPLETE), context(never_keep=frozenset({"agent"})))
        ).properties
    )


def test_a_log_out_of_a_data_base_has_local_times() -> None:
    lines = [
        line.replace("13667203", "2013-04-23 14:32:").replace("1366720470", "2013-04-23 14:34:30")
        for line in (ENTER, CONNECT, COMPLETE)
    ]
    lines = [line.replace(":40|", ":20|").replace(":50|", ":30|") for line in lines]
    assert one(filed(asterisk_queue.ADAPTER, log(*lines))).occurred_at == datetime(2013, 4, 23, 12, 32, 20, tzinfo=UTC)
    assert "has no time zone" in reason(filed(asterisk_queue.ADAPTER, log(*lines), context(zone=None)))


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ((ENTER, CONNECT), "$.line[1]: the end of the call 'c1' is not in this file"),
        ((CONNECT, COMPLETE), "$.line[1]: the beginning of the call 'c1' is not in this file"),
        ((ENTER, "1366720400|c1|Q|NONE|ABANDON|1|1|-60"), "$.line[2].waittime: negative"),
        ((ENTER, "1366720400|c1|Q|NONE|ABANDON|1|1|x"), "$.line[2].waittime: not a number of seconds"),
        (
            (ENTER, CONNECT, COMPLETE.replace("|120|", "|900|")),
            "$.line[3].calltime: talk 900 s is longer than the call",
        ),
        ((ENTER, CONNECT, COMPLETE.replace("|120|", "|y|")), "$.line[3].calltime: not a number of seconds"),
        ((ENTER.replace("1366720340", "soon"), CONNECT, COMPLETE), "$.line[1].time: not a time"),
        (("1366720340|c1|Q",), "$.line[1]: 3 cells, where a line has time, call, queue, agent and event"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(lines: tuple[str, ...], path: str) -> None:
    assert reason(filed(asterisk_queue.ADAPTER, log(*lines))).startswith(path)


def test_a_last_line_that_is_cut_off_is_refused_and_the_call_before_it_not_counted_wrong() -> None:
    found = filed(asterisk_queue.ADAPTER, log(ENTER, CONNECT, COMPLETE)[:-5])
    assert [reason([outcome]) for outcome in found] == [
        "$.line[3]: cut off: the file's last line has no line break",
        "$.line[1]: the end of the call 'c1' is not in this file (COMPLETECALLER, ABANDON, …)",
    ]


def test_a_source_can_leave_out_who_called() -> None:
    where = context(never_keep=frozenset({"callerid"}))
    assert keys(one(filed(asterisk_queue.ADAPTER, log(ENTER, CONNECT, COMPLETE), where))) == []


def test_a_call_has_the_same_id_in_both_logs_of_asterisk() -> None:
    record = (
        '"","03012345678","8006","in","","SIP/t","","Queue","Q","2013-04-23 14:32:20",,,60,0,"NO ANSWER","","c1",""\n'
    )
    [logged] = taken(filed(asterisk_queue.ADAPTER, log(ENTER, CONNECT, COMPLETE)))
    [recorded] = taken(filed(asterisk_cdr.ADAPTER, record))
    assert logged.event_id == recorded.event_id
