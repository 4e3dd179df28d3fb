"""What every adapter keeps of an event can be read again by itself: each piece of each example, as if quarantined."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast
from uuid import UUID

import pytest

from deploy.quarantine_doors import CannotReplayError, Doors, cut, whole
from deploy.quarantine_store import Kept
from deploy.settings import Settings
from deploy.sources import key_of, source_of
from deploy.topic_pieces import TopicPlace, place_of, topic_outcomes
from producers.adapters.adapter import Adapter, Context, HookRequest, Piece
from producers.adapters.finish import outcome_of
from producers.adapters.quarantine import quarantined
from producers.adapters.registry import ADAPTERS
from producers.adapters.resumed import ImportedFile
from producers.adapters.sender import Limits
from producers.settings import CollectorSettings, IdentifierSettings, SourceSettings, WriteKey
from schemas.catalogue import load
from schemas.outcome import Accepted, Outcome, Quarantined

EXAMPLES = Path(__file__).parents[2] / "examples"
AT = datetime(2026, 11, 22, tzinfo=UTC)
CATALOGUE = load()
SOURCE = SourceSettings(source="test", default_currency="EUR", timezone="Europe/Berlin", phone_region="DE")
ALL = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)


SERVER, PAGE = WriteKey(key="s", **SOURCE.model_dump()), WriteKey(key="p", public=True, **SOURCE.model_dump())


def doors(*keys: WriteKey) -> Doors:
    settings = Settings(collector=CollectorSettings(write_keys=keys), sources=(SOURCE,))
    return Doors(partial(source_of, settings), partial(key_of, settings), settings.collector, CATALOGUE)


def kept_as(door: str, raw: bytes, reason: str = "$.x: bad") -> Kept:
    bad = quarantined(reason, raw, SOURCE.sender(door, IdentifierSettings()), AT, Limits()).record
    return Kept(bad.quarantine_id, "test", door, bad.reason, bad.raw, bad.encoding, AT, "", "", False)


def pieces(adapter: Adapter, path: Path) -> tuple[str, bytes, list[Piece]]:
    """The door, the heading, and the pieces of an example."""
    context = Context(SOURCE.sender("x", IdentifierSettings()), AT, CATALOGUE)
    if path.name.startswith("file"):
        assert adapter.file is not None
        file = ImportedFile(BytesIO(path.read_bytes()))
        found = list(adapter.file(cast(BinaryIO, file), context))
        return f"file:{path.name}?adapter={adapter.name}", file.heading, found
    assert adapter.pieces is not None
    request = HookRequest(path.read_bytes(), {}, (), f"/hooks/{adapter.name}")
    return f"http:/hooks/{adapter.name}", b"", list(adapter.pieces(request, context))


def ids(outcomes: list[Outcome]) -> set[UUID]:
    return {one.touchpoint.event_id for one in outcomes if isinstance(one, Accepted)}


@ALL
async def test_what_is_kept_of_each_event_is_read_again_as_the_same_event(adapter: Adapter) -> None:
    through = doors()
    for path in sorted((EXAMPLES / adapter.name).iterdir()):
        door, heading, found = pieces(adapter, path)
        context = Context(SOURCE.sender(door, IdentifierSettings()), AT, CATALOGUE)
        for piece in found:
            first = ids([outcome_of(adapter, piece, context)])
            again = ids(await through.outcomes(kept_as(door, heading + piece.raw)))
            assert first <= again, f"{path.name} {piece.path}"
    await through.close()


async def test_an_event_of_a_batch_goes_through_the_batchs_door_alone_and_as_of_its_arrival() -> None:
    raw = b'{"type":"track","event":"Order Completed","userId":"ada","properties":{"revenue":5,"order_id":"1"}}'
    through = doors()
    for door in ("http:/v1/batch", "http:/v1/b", "http:/beacon/v1/batch"):
        [one] = await through.outcomes(kept_as(door, raw, "$.batch[3].properties.currency: required"))
        assert isinstance(one, Accepted)
        assert (one.touchpoint.source, one.touchpoint.occurred_at) == ("test", AT)
    await through.close()


@pytest.mark.parametrize("path", ["/com.snowplowanalytics.snowplow/tp2", "/i"])
@pytest.mark.parametrize(
    "raw", [b'{"e":"pv","aid":"x","duid":"d1","page":"Tea","dtm":"1767225600000"}', b"e=pv&duid=d1"]
)
async def test_an_event_of_a_snowplow_tracker_goes_through_its_door_alone(path: str, raw: bytes) -> None:
    through = doors()
    [one] = await through.outcomes(kept_as(f"http:{path}", raw))
    assert isinstance(one, Accepted)
    assert one.touchpoint.touchpoint == "page_view"
    await through.close()


async def test_a_body_that_was_kept_whole_is_taken_apart() -> None:
    through = doors()
    reason = "$.batch: 2 events, more than 1 (too_large; at most its first 65536 bytes are kept)"
    raw = b'{"batch":[{"type":"page","userId":"a","messageId":"1"},{"type":"page","messageId":"2","userId":"a"}]}'
    kept = kept_as("http:/v1/batch", raw, reason)
    assert (whole(kept.reason), cut(kept)) == (True, False)
    assert len(ids(await through.outcomes(kept))) == 2
    await through.close()


async def test_what_is_still_bad_says_why_and_is_the_same_record() -> None:
    through = doors()
    kept = kept_as("http:/v1/track", b'{"event":"Order Completed","properties":{"revenue":"many"}}')
    [one] = await through.outcomes(kept)
    assert isinstance(one, Quarantined)
    assert one.record.quarantine_id == kept.quarantine_id
    assert one.record.reason == "$.properties.revenue: not a number"
    await through.close()


@pytest.mark.parametrize(
    ("door", "raw", "why"),
    [
        ("http:/v1/track", b"x" * 70_000, "only its beginning is kept"),
        ("http:/v1/nonsense", b"{}", "has no door"),
        ("file:receipts.csv", b"a,b", "name it with --adapter"),
        ("topic:touchpath.resolved/1@2", b"{}", "the workers make this record"),
        ("carrier pigeon", b"{}", "nobody knows the door"),
    ],
)
async def test_what_cannot_be_replayed_says_why_and_what_to_do(door: str, raw: bytes, why: str) -> None:
    through = doors()
    with pytest.raises(CannotReplayError, match=why):
        await through.outcomes(kept_as(door, raw))
    await through.close()


async def test_a_touchpoint_that_the_workers_refused_is_checked_again() -> None:
    through = doors()
    [one] = await through.outcomes(kept_as("topic:touchpath.collected/0@1", b"{}"))
    assert isinstance(one, Quarantined)
    assert one.record.reason.startswith("$.event_id")
    await through.close()


def test_a_place_in_a_topic_is_the_id_of_what_has_none() -> None:
    place = TopicPlace("orders.v1", 3, 17)
    assert place_of(place.door("postmark")) == place
    assert place_of("topic:orders.v1/3@17") == place
    assert place_of("file:x") is None
    example = next(path for path in sorted((EXAMPLES / "postmark").iterdir()) if "open" in path.name)
    context = Context(SOURCE.sender("x", IdentifierSettings()), AT, CATALOGUE)
    [first] = topic_outcomes(ADAPTERS["postmark"], example.read_bytes(), place, context)
    [again] = topic_outcomes(ADAPTERS["postmark"], example.read_bytes(), place, context)
    [other] = topic_outcomes(ADAPTERS["postmark"], example.read_bytes(), replace(place, offset=18), context)
    assert first == again
    assert ids([first]) != ids([other])
    [bad] = topic_outcomes(ADAPTERS["postmark"], b"\xff", place, context)
    assert isinstance(bad, Quarantined)
    assert bad.record.door == "topic:orders.v1/3@17?adapter=postmark"


async def test_a_record_of_a_topic_has_the_same_id_when_it_is_replayed() -> None:
    example = next(path for path in sorted((EXAMPLES / "postmark").iterdir()) if "open" in path.name)
    place, context = TopicPlace("orders", 0, 5), Context(SOURCE.sender("x", IdentifierSettings()), AT, CATALOGUE)
    first = topic_outcomes(ADAPTERS["postmark"], example.read_bytes(), place, context)
    through = doors()
    again = await through.outcomes(kept_as(place.door("postmark"), example.read_bytes()))
    assert ids(again) == ids(first) != set()
    await through.close()


async def test_what_came_with_a_public_key_stays_unverified_and_what_came_with_another_does_not() -> None:
    raw = b'{"event":"Order Completed","userId":"ada","properties":{"revenue":5,"order_id":"1"}}'
    through = doors(SERVER, PAGE)
    for door, verified in (("http:/v1/track?key=public", False), ("http:/v1/track", True)):
        [one] = await through.outcomes(kept_as(door, raw))
        assert isinstance(one, Accepted)
        assert one.touchpoint.verified is verified
        assert "ip" not in one.touchpoint.properties
    await through.close()


async def test_a_replay_may_send_no_more_than_the_keys_of_its_source() -> None:
    raw = b'{"event":"Order Completed","userId":"ada","properties":{"revenue":5,"order_id":"1"}}'
    through = doors(SERVER.model_copy(update={"touchpoints": ("page_view",)}))
    [one] = await through.outcomes(kept_as("http:/v1/track", raw))
    assert isinstance(one, Quarantined)
    await through.close()
    two = (SERVER.model_copy(update={"touchpoints": ("page_view",)}), SERVER.model_copy(update={"key": PAGE.key}))
    through = doors(*two)
    assert isinstance((await through.outcomes(kept_as("http:/v1/track", raw)))[0], Accepted)
    await through.close()


async def test_a_door_that_the_keys_of_the_source_do_not_open_any_more_stays_closed() -> None:
    through = doors(SERVER.model_copy(update={"allow": ("page",)}))
    with pytest.raises(CannotReplayError, match="its door refuses it: the write key may not send track"):
        await through.outcomes(kept_as("http:/v1/track", b'{"event":"x","userId":"ada"}'))
    await through.close()


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/v1/track", b'{"event":"Seen","userId":"ada","context":{"ip":"203.0.113.9"},"agent":"Eve"}'),
        ("/com.snowplowanalytics.snowplow/tp2", b'{"e":"pv","duid":"d","dtm":"1767225600000","ip":"203.0.113.9"}'),
        ("/i", b"e=pv&duid=d&dtm=1767225600000&ip=203.0.113.9"),
    ],
)
async def test_an_event_without_an_id_is_the_same_event_without_what_quarantine_leaves_out(
    path: str, raw: bytes
) -> None:
    key = SERVER.model_copy(update={"never_keep": ("agent",)})
    secret = doors(key)
    sender = replace(key.sender("x", IdentifierSettings()), never_keep=frozenset({"agent"}))
    record = quarantined("$.x: bad", raw, sender, AT, Limits()).record
    assert b"203.0.113.9" not in record.original or path == "/i", "Snowplow's own splitter leaves it out of a query"
    assert b"Eve" not in record.original
    as_it_came = replace(kept_as(f"http:{path}", b""), raw=raw.decode())
    as_it_is_kept = replace(as_it_came, raw=record.raw)
    assert ids(await secret.outcomes(as_it_came)) == ids(await secret.outcomes(as_it_is_kept)) != set()
    await secret.close()
