"""Helpers: touchpoints of every shape that the contract has, and their JSON with something changed."""

import copy
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from schemas.bodies import EmailBody, HotlineBody, LineItem, OtherBody, StoreBody, SurveyBody, WebBody
from schemas.identifier import Identifier, is_blank
from schemas.money import Money, minor_digits
from schemas.touchpoint import Campaign, Touchpoint

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip()) and not is_blank(text)
)
MAYBE = st.none() | WORDS
AMOUNTS = st.decimals(-10_000, 10_000, places=2, allow_nan=False)
SECONDS = st.none() | st.decimals(0, 10_000, places=1, allow_nan=False)
ITEMS = st.lists(
    st.builds(LineItem, product=WORDS, category=MAYBE, quantity=AMOUNTS, value=st.none() | AMOUNTS), max_size=3
).map(tuple)
BODIES = st.one_of(
    st.builds(WebBody, url=MAYBE, path=MAYBE, title=MAYBE, referrer=MAYBE, items=ITEMS),
    st.builds(EmailBody, mailing=MAYBE, subject=MAYBE, link=MAYBE, machine=st.booleans()),
    st.builds(
        HotlineBody,
        queue=MAYBE,
        waiting_time=SECONDS,
        talk_time=SECONDS,
        result=st.sampled_from([None, "answered", "abandoned", "resolved"]),
    ),
    st.builds(StoreBody, store=MAYBE, till=MAYBE, receipt=MAYBE, items=ITEMS),
    st.builds(
        SurveyBody,
        metric=st.just("nps"),
        score=st.none() | st.integers(0, 10),
        scale_min=st.just(0),
        scale_max=st.just(10),
        comment=MAYBE,
        response=MAYBE,
        about_event=st.none() | st.uuids(),
        about_touchpoint=st.sampled_from([None, "call", "bar.drinks"]),
        about_order=MAYBE,
    ),
    st.builds(OtherBody, text=MAYBE, link=MAYBE, reach=st.none() | st.integers(0, 10**12)),
)
MONEY = st.builds(
    lambda minor, currency: Money(amount=Decimal(minor).scaleb(-minor_digits(currency)), currency=currency),
    st.integers(-(10**9), 10**9),
    st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLF"]),
)
KINDS = ["customer", "loyalty", "email", "phone", "order", "device", "anonymous", "crm_number"]
IDENTIFIERS = st.lists(st.builds(Identifier, kind=st.sampled_from(KINDS), value=WORDS), max_size=4).map(tuple)
NAMES = [("page_view", "web"), ("store_purchase", "store"), ("call", "hotline"), ("bar.drinks", "store")]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def any_touchpoint(draw: st.DrawFn) -> Touchpoint:
    name, channel = draw(st.sampled_from(NAMES))
    received_at = draw(
        st.datetimes(datetime(1991, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # the strategy adds the zone
    )
    return Touchpoint(
        event_id=draw(st.uuids()),
        source=draw(WORDS),
        touchpoint=name,
        channel=channel,
        occurred_at=received_at + draw(st.timedeltas(timedelta(days=-300), timedelta(days=1))),
        received_at=received_at,
        identifiers=draw(IDENTIFIERS),
        campaign=draw(st.none() | st.builds(Campaign, name=MAYBE, source=MAYBE, medium=MAYBE, term=MAYBE)),
        order_id=draw(MAYBE),
        amount=draw(st.none() | MONEY),
        name=draw(MAYBE),
        body=draw(BODIES),
        properties=draw(st.dictionaries(WORDS, JSON, max_size=3)),
        verified=draw(st.booleans()),
    )


#: What a touchpoint's field may be found to hold when somebody else writes to the topic.
ODD = st.sampled_from(
    [
        None, True, 0, -1, 5, 5.0, 0.5, 10**17, 10**18, 10**30, 1767225600, "", " ", "\t", "\x1c", "\u00a0", "\u0085x",
        " x", "x ", "x\n", "\x00", "null", " N/A ", "-", "\u200b", "x" * 101, "x" * 500, "x" * 501, "x" * 4097,
        "é" * 4096,
        "0", "-0.00", "1e5", "1E+17", "007.50", "5.", ".5", ".", "-", "--5", "+5", "1_000", " 5", "5\n", "٣",
        "NaN", "Infinity",
        "123456789012345678", "1234567890123456789", "9" * 13, "0.0000000000001", "12.345",
        "EUR", "eur", " EUR", "XXQ", "XXX", "JPY",
        "web", "store", "zork", "customer", "Page View", "page_view", "bar..drinks", [], {}, [[]], {"kind": "web"},
        {"kind": "email", "machine": "yes"}, {"kind": "store", "items": [{"product": "p", "value": ""}]},
        {"kind": "other", "reach": -1},
        {"kind": "hotline", "waiting_time": "5\n"}, {"kind": "hotline", "waiting_time": "-1"},
        {"amount": "1.005", "currency": "EUR"}, {"amount": "5.0", "currency": "JPY"}, {"amount": 5, "currency": "EUR"},
        {"amount": "999999999999999999", "currency": "EUR"}, {"name": " "}, {"name": None}, {"nam": "x"},
        [{"kind": "email", "value": "a"}] * 51, [{"kind": "email", "value": "b"}, {"kind": "email", "value": "a"}],
        [{"kind": "email", "value": " a"}, {"kind": "email", "value": "a"}], [{"kind": "zork", "value": "a"}],
        "1989-12-31T23:59:59.999999Z", "1989-12-31T23:59:59.9999996Z",
        "1990-01-01T00:00:00Z", "1990-01-01T00:59:59+01:00",
        "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01t00:00:00z",
        "2026-01-01T24:00:00Z", "2026-02-30T00:00:00Z",
        "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00",
        "2026-01-01T00:00:00.1234567Z",
        "00000000000040008000000000000001", "{00000000-0000-4000-8000-000000000001}",
        "00000000-0000-4000-8000-00000000000",
    ]
).map(copy.deepcopy)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys that lead there."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


@st.composite
def changed_json(draw: st.DrawFn) -> bytes:
    """The JSON of a good touchpoint with up to two places changed, taken away or added."""
    data = json.loads(draw(any_touchpoint()).model_dump_json())
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(places(data)))
        holder: Any = data
        for key in place[:-1]:
            holder = holder[key]
        match draw(st.integers(0, 5)):
            case 0:
                del holder[place[-1]]
            case 1 if isinstance(holder, dict):
                holder[draw(WORDS)] = draw(ODD)
            case 2 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[place[-1]]))
            case _:
                holder[place[-1]] = draw(ODD)
        if not places(data):
            break
    return json.dumps(data, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
