"""Archives in Segment's format: the same touchpoints, ids and times as if the lines had come when they did."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from producers.adapters.crm.segment_archive import ADAPTER
from producers.adapters.problem import Problem
from producers.adapters.web import segment
from schemas.outcome import Accepted
from schemas.touchpoint import Touchpoint
from tests.unit.producers.survey.rig import CONTEXT, SENDER, file

EXAMPLES = Path(__file__).parents[3] / "examples" / "segment_archive"
TRACK: dict[str, Any] = {"type": "track", "event": "Chat", "userId": "c1", "messageId": "m1"}


def lines(*events: Any) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def moments(*events: Any) -> list[datetime]:
    found = file(ADAPTER, lines(*events))
    assert all(isinstance(one, Touchpoint) for one in found), found
    return [one.occurred_at for one in found if isinstance(one, Touchpoint)]


def test_a_line_becomes_what_the_door_made_of_it_when_it_came() -> None:
    for raw, archived in zip(
        (EXAMPLES / "file.jsonl").read_bytes().splitlines(),
        file(ADAPTER, (EXAMPLES / "file.jsonl").read_bytes()),
        strict=True,
    ):
        received_at = datetime.fromisoformat(json.loads(raw)["receivedAt"])
        live = segment.outcome_of(raw, None, SENDER, received_at, CONTEXT.catalogue)
        assert isinstance(live, Accepted)
        assert isinstance(archived, Touchpoint)
        assert archived == live.touchpoint.model_copy(update={"received_at": CONTEXT.received_at})


def test_a_gzipped_archive_reads_the_same() -> None:
    plain, zipped = (file(ADAPTER, (EXAMPLES / name).read_bytes()) for name in ("file.jsonl", "file.gz"))
    assert plain == zipped


def test_the_time_that_an_archive_knows_is_used_in_its_order() -> None:
    received = {"receivedAt": "2016-02-21T10:00:02Z"}
    fast = {"sentAt": "2016-02-21T11:00:02Z", "originalTimestamp": "2016-02-21T11:00:00Z"}
    assert moments(
        TRACK | received | {"timestamp": "2016-02-20T14:09:20.500Z", "sentAt": "2016-02-21T10:00:01Z"},
        TRACK | received | fast,
        TRACK | received,
        TRACK,
    ) == [
        datetime(2016, 2, 20, 14, 9, 20, 500_000, UTC),
        datetime(2016, 2, 21, 10, 0, 0, 0, UTC),  # the sender's clock ran an hour fast
        datetime(2016, 2, 21, 10, 0, 2, 0, UTC),
        CONTEXT.received_at,
    ]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"type": "track", "userId": "c1"}, "$.line[2].event: required, but missing or blank"),
        ({"type": "delete", "userId": "c1"}, "$.line[2].type: 'delete' is none of track"),
        (TRACK | {"receivedAt": "soon"}, "$.line[2].receivedAt: not a time"),
        (
            TRACK | {"receivedAt": "2027-01-01T00:00:00Z"},
            "$.line[2].receivedAt: 2027-01-01T00:00:00+00:00 is more than",
        ),
        (TRACK | {"properties": [1]}, "$.line[2].properties: not an object"),
        ([TRACK], "$.line[2]: not an object"),
    ],
)
def test_a_bad_line_is_refused_with_its_path_and_leaves_its_neighbours_alone(event: Any, reason: str) -> None:
    first, bad, last = file(ADAPTER, lines(TRACK, event, TRACK))
    assert isinstance(first, Touchpoint)
    assert isinstance(bad, str)
    assert bad.startswith(reason)
    assert isinstance(last, Touchpoint)


def test_a_broken_gzip_file_says_so_after_what_was_whole() -> None:
    whole = gzip.compress(lines(*(TRACK | {"messageId": str(n)} for n in range(500))).encode())
    with pytest.raises(Problem, match=r"\$: the gzip file is broken behind"):
        file(ADAPTER, whole[:-20])
