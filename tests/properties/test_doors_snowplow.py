"""Laws of Snowplow's door: whatever bytes come, an outcome and never an exception; good neighbours come through."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.adapters.adapter import Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.sender import Limits, Sender
from producers.adapters.web.snowplow.adapter import ADAPTER
from producers.adapters.web.snowplow.payload import pieces
from producers.records import record_of
from schemas.catalogue import load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.touchpoint import Touchpoint

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
LIMITS = Limits(event_bytes=4096, depth=12, quarantined_bytes=512)
CONTEXT = Context(Sender("shop", "http:/i", default_currency="EUR"), NOW, load(), LIMITS)
#: No deadline: the first event with a browser in it reads the list of browsers.
LAWS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
GOOD = {"e": "se", "se_ca": "x", "se_ac": "the good one", "uid": "u", "eid": "good"}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["", "null", "1714564800000", "1e999", "-0", "EUR", "a@b.c", "https://[x?utm_source=y", "NaN"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
schemas = st.sampled_from(
    [
        "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
        "iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0",
        "iglu:com.snowplowanalytics.snowplow.ecommerce/refund/jsonschema/1-0-0",
        "iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0",
        "iglu:com.snowplowanalytics.snowplow.ecommerce/user/jsonschema/1-0-0",
        "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2",
        "iglu:com.snowplowanalytics.snowplow/add_to_cart/jsonschema/1-0-0",
        "iglu:com.google.analytics.enhanced-ecommerce/action/jsonschema/1-0-0",
        "iglu:org.example/order_completed/jsonschema/1-0-0",
        "iglu:org.example/marketing/jsonschema/1-0-0",
        "no schema",
    ]
)
NAMES = """type action id transaction_id revenue refund_amount currency price quantity products email userId sessionId
order_id utm_source is_guest"""
names = st.sampled_from(NAMES.split())
actions = st.sampled_from(["transaction", "refund", "add_to_cart", "purchase"])
data = st.dictionaries(names, scalars | actions, max_size=6) | json_values
entities = st.fixed_dictionaries({"schema": schemas, "data": data})


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def plain(value: Any) -> str:
    return orjson.dumps(value).decode()


outer = st.fixed_dictionaries({"schema": schemas, "data": entities | json_values})
beside = st.fixed_dictionaries({"schema": schemas, "data": st.lists(entities, max_size=3) | json_values})
FIELDS = """eid aid p dtm stm ttm uid duid nuid sid url refr page ua lang ip se_ca se_ac se_va tr_id tr_tt tr_cu ti_id
ti_sk ti_pr ti_qu ti_cu pp_mix"""
fields = st.dictionaries(st.sampled_from(FIELDS.split()), scalars, max_size=8)
events = st.tuples(
    fields,
    st.fixed_dictionaries(
        {"e": st.sampled_from(["pv", "pp", "se", "ue", "tr", "ti", "ad", "zz"])},
        optional={
            "ue_px": outer.map(packed) | scalars,
            "ue_pr": outer.map(plain) | outer | scalars,
            "cx": beside.map(packed) | scalars,
            "co": beside.map(plain) | beside | scalars,
            "tr_id": st.just("1"),
            "ti_id": st.just("1"),
        },
    ),
).map(lambda parts: {**parts[0], **parts[1]})


def outcomes(body: bytes, query: str = "", context: Context = CONTEXT) -> list[Outcome] | Problem:
    request = HookRequest(body, {"user-agent": "UA"}, (), f"http://door/i?{query}")
    try:
        return [outcome_of(ADAPTER, piece, context) for piece in pieces(request, context)]
    except Problem as problem:
        return problem


def outcomes_of(some: list[dict[str, Any]], context: Context = CONTEXT) -> list[Outcome]:
    found = outcomes(orjson.dumps({"data": some}), context=context)
    assert not isinstance(found, Problem)
    return found


def kept_their_promises(found: Sequence[Outcome] | Problem) -> None:
    if isinstance(found, Problem):
        assert str(found).startswith("$")
        return
    for outcome in found:
        if isinstance(outcome, Accepted):
            record = record_of(outcome)
            assert Touchpoint.model_validate_json(record.value) == outcome.touchpoint
            assert len(record.value) < 1_000_000
        else:
            assert isinstance(outcome, Quarantined)
            assert outcome.record.reason.startswith("$")


@settings(LAWS)
@given(st.binary(max_size=200), st.text(st.characters(codec="ascii"), max_size=60))
def test_any_bytes_and_any_query_have_an_outcome_or_a_reason(body: bytes, query: str) -> None:
    kept_their_promises(outcomes(body, query))
    kept_their_promises(outcomes(b'{"data":[' + body + b"]}"))


@settings(LAWS, max_examples=200)
@given(st.lists(events, max_size=4))
def test_any_events_have_an_outcome_each_and_the_same_ones_at_a_retry(some: list[dict[str, Any]]) -> None:
    body = orjson.dumps({"data": some})
    first = outcomes(body)
    assert not isinstance(first, Problem)
    assert len(first) == len(some)
    kept_their_promises(first)
    assert outcomes(body) == first
    later = Context(CONTEXT.sender, NOW + timedelta(seconds=5), CONTEXT.catalogue, LIMITS)
    dated = [{**event, "dtm": "1714564790000"} for event in some]
    retried = [{**event, "stm": "1714564805000"} for event in dated]
    found = zip(outcomes_of(dated), outcomes_of(retried, later), strict=True)
    for before, after in found:
        if isinstance(before, Accepted) and isinstance(after, Accepted):
            assert before.touchpoint.event_id == after.touchpoint.event_id


@settings(LAWS)
@given(st.lists(events | json_values, max_size=5), st.integers(0, 5))
def test_a_good_event_comes_through_whatever_stands_beside_it(others: list[Any], place: int) -> None:
    found = outcomes(orjson.dumps({"data": [*others[:place], GOOD, *others[place:]]}))
    assert not isinstance(found, Problem)
    assert len(found) == len(others) + 1
    kept_their_promises(found)
    mine = found[min(place, len(others))]
    assert isinstance(mine, Accepted)
    assert mine.touchpoint.key == "customer:u"


@settings(LAWS)
@given(st.dictionaries(st.text(max_size=5), st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=5))
def test_a_pixel_says_the_same_as_a_post(more: dict[str, str]) -> None:
    event = {**more, **GOOD}
    [by_post], by_pixel = outcomes_of([event]), outcomes(b"", urlencode(event))
    if isinstance(by_post, Accepted):
        assert by_pixel == [by_post]
    else:  # the bytes and the place in them are others
        assert isinstance(by_pixel, list)
        assert isinstance(by_pixel[0], Quarantined)
