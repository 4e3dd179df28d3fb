"""Helpers of the properties: histories to draw, the real stages run on them, and the end state that readers see."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from schemas import topics
from schemas.bodies import EmailBody, OtherBody, WebBody
from schemas.catalogue import Catalogue
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from streams.core.stage import Output, Stage

START = datetime(2026, 1, 1, tzinfo=UTC)
ARRIVAL = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ARecord:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    topic: str = "touchpath.collected"


@dataclass
class EndState:
    """What a reader sees at the end: the highest revision of each snapshot, and the sums of the ledger."""

    journeys: dict[str, dict[str, Any]] = field(default_factory=dict)
    conversions: dict[str, dict[str, Any]] = field(default_factory=dict)
    credits: dict[tuple[str, str, str | None], tuple[Decimal, int]] = field(default_factory=dict)


#: Times on a grid, so that equal times, exact borders and gaps are all drawn often.
TIMES = st.one_of(
    st.integers(0, 40).map(lambda minutes: START + timedelta(minutes=15 * minutes)),
    st.integers(0, 90).map(lambda days: START + timedelta(days=days)),
)
NAMES = st.sampled_from(
    [
        ("page_view", "web"), ("page_view", "web"), ("page_view", "search"), ("product_viewed", "web"),
        ("watched_trailer", "web"),
        ("email_clicked", "email"), ("email_opened", "email"), ("call", "hotline"), ("direct_mail", "direct_mail"),
        ("order_completed", "web"), ("order_completed", "web"), ("store_purchase", "store"),
        ("store_purchase.kiosk", "store"), ("order_refunded.partial", "web"),
        ("account_created", "web"), ("order_refunded", "web"), ("delivery", "store"), ("complaint", "hotline"),
        ("consent_changed", "web"), ("consent_changed", "web"),
    ]
)  # fmt: skip


BODIES = {
    "web": st.integers(0, 7).map(lambda n: WebBody(bot=n == 0)),
    "email": st.integers(0, 3).map(lambda n: EmailBody(machine=n == 0)),
}


VALUED = {"order_completed", "store_purchase", "order_refunded"}
#: What conditions, values in fields and consent look at.
PROPERTIES = st.sampled_from(
    [{}, {}, {"plan": "pro", "worth": 12.345}, {"plan": "free", "worth": "3"}, {"plan": "pro", "worth": "much"}]
)
CONSENT = st.sampled_from([None, None, True, False])
#: What a decision says; a touchpoint that is no decision by the catalogue says it to nobody.
DECISIONS = st.sampled_from([None, True, "granted", False, "denied", "maybe"])
DECIDING = {"consent_changed", "account_created", "email_clicked"}
CURRENCIES = st.sampled_from(["EUR", "EUR", "EUR", "USD", "JPY", "GBP"])


@st.composite
def touchpoints(draw: st.DrawFn) -> Touchpoint:
    name, channel = draw(NAMES)
    identifiers = [Identifier(kind="customer", value=draw(st.sampled_from(["ada", "ada", "ada", "bo"])))]
    if channel == "web":
        identifiers.append(Identifier(kind="anonymous", value=draw(st.sampled_from(["a1", "a2"]))))
    order = draw(st.sampled_from([None, None, "o1", "o2"]))
    has_amount = name.partition(".")[0] in VALUED and draw(st.integers(0, 9)) > 0
    campaign = draw(st.sampled_from([None, None, "spring", "summer"]))
    properties: dict[str, Any] = dict(draw(PROPERTIES))
    if (consent := draw(CONSENT)) is not None:
        properties["context"] = {"consent": {"categoryPreferences": {"analytics": consent}}}
    if name in DECIDING and (decision := draw(DECISIONS)) is not None:
        properties["analytics"] = decision
    return Touchpoint(
        event_id=draw(st.uuids(version=4)),
        source="test",
        touchpoint=name,
        channel=channel,
        occurred_at=draw(TIMES),
        received_at=ARRIVAL,
        identifiers=tuple(identifiers),
        campaign=Campaign(name=campaign) if campaign else None,
        order_id=order,
        amount=Money.from_minor(draw(st.integers(0, 10_000)), draw(CURRENCIES)) if has_amount else None,
        body=draw(BODIES.get(channel, st.just(OtherBody()))),
        properties=properties,
        verified=draw(st.integers(0, 3)) > 0,
    )


HISTORIES = st.lists(touchpoints(), min_size=1, max_size=25)


def run(events: Sequence[Touchpoint], borders: Sequence[int], catalogue: Catalogue) -> list[Output]:
    """Send events through both stages, cut into batches at `borders`; give all outputs of the fold.

    What the identifiers say to each other is heard after each batch; over several partitions see `identity_running`.
    """
    resolve, fold = ResolveStage(catalogue), FoldStage(catalogue)
    tables: dict[str, dict[bytes, bytes]] = {resolve.name: {}, fold.name: {}}
    outputs: list[Output] = []

    def step(stage: Stage, given: Sequence[ARecord]) -> list[Output]:
        table = tables[stage.name]
        result = stage.process(0, given, table.get)
        assert result.counts.get("quarantined", 0) == 0
        for key, value in result.state.items():
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value
        return result.outputs

    cuts = [0, *sorted({border % (len(events) + 1) for border in borders}), len(events)]
    for begin, end in pairwise(cuts):
        waiting = [
            ARecord(n, e.key.encode(), e.model_dump_json().encode(), 1_700_000_000_000 + n)
            for n, e in enumerate(events[begin:end], start=begin)
        ]
        while waiting:
            said = [
                ARecord(begin + n, o.key, o.value, o.timestamp, o.topic) for n, o in enumerate(step(resolve, waiting))
            ]
            moved = [record for record in said if record.topic == topics.RESOLVED.name]
            while moved:
                folded = step(fold, moved)
                outputs += [o for o in folded if o.topic != topics.RESOLVED.name]
                moved = [
                    ARecord(begin + n, o.key, o.value, o.timestamp, o.topic)
                    for n, o in enumerate(folded)
                    if o.topic == topics.RESOLVED.name
                ]
            waiting = [record for record in said if record.topic in (topics.IDENTITY.name, topics.COLLECTED.name)]
    return outputs


def end_state(outputs: Sequence[Output]) -> EndState:
    """Read the outputs as ClickHouse does: highest revision per id, sums per conversion, model and touch."""
    state = EndState()
    sums: dict[tuple[str, str, str | None], list[Any]] = defaultdict(lambda: [Decimal(0), 0])
    entry_ids: set[str] = set()
    for output in outputs:
        record = json.loads(output.value)
        if output.topic == "touchpath.journeys":
            if record["revision"] >= state.journeys.get(record["journey_id"], record)["revision"]:
                state.journeys[record["journey_id"]] = record
        elif output.topic == "touchpath.conversions":
            if record["revision"] >= state.conversions.get(record["conversion_id"], record)["revision"]:
                state.conversions[record["conversion_id"]] = record
        elif output.topic == "touchpath.credits":
            for entry in record["entries"]:
                assert entry["entry_id"] not in entry_ids
                entry_ids.add(entry["entry_id"])
                line = entry["touchpoint_id"] or entry["touchpoint"]  # without both it is what no touch earned
                total = sums[record["conversion_id"], entry["model"], line]
                total[0] += Decimal(entry["credit"])
                total[1] += entry["value_minor"]
    state.journeys = {k: v for k, v in state.journeys.items() if not v["withdrawn"]}
    state.conversions = {k: v for k, v in state.conversions.items() if not v["withdrawn"]}
    state.credits = {k: (v[0], v[1]) for k, v in sums.items() if v[0] or v[1]}
    return state


def essence(state: EndState) -> tuple[Any, ...]:
    """What must not depend on the order of arrival: all but revisions and recording times."""
    unordered = {"revision", "recorded_at"}
    return (
        {k: {f: x for f, x in v.items() if f not in unordered} for k, v in state.journeys.items()},
        {k: {f: x for f, x in v.items() if f not in unordered} for k, v in state.conversions.items()},
        state.credits,
    )
