"""One tablet, two customers, seven events: what each policy makes of it is worked out by hand in these tests.

Hours since the beginning, and the channel that each visit came by (visits are an hour apart, so each stands alone):

    0  the tablet alone            search
    1  the tablet with ada         web
    2  the tablet alone            display
    3  the tablet with bo          web
    4  the tablet alone            social
    5  bo buys in a branch for 100
    6  ada buys in a branch for 60
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

import pytest

from deploy.identity_compare import AS_CONFIGURED, Comparison, Line, compare
from schemas import topics
from schemas.base import NAMESPACE
from schemas.bodies import StoreBody, WebBody
from schemas.catalogue import Catalogue, load
from schemas.identifier import Identifier
from schemas.identity import Action, Command, IdentityMessage
from schemas.money import Money
from schemas.policy import POLICIES
from schemas.touchpoint import Touchpoint
from streams.core.stage import Output

START = datetime(2026, 3, 1, tzinfo=UTC)
ARRIVAL = datetime(2026, 4, 1, tzinfo=UTC)
TABLET, ADA, BO = "device:tablet", "customer:ada", "customer:bo"
CATALOGUE = load()
IN_FORCE = CATALOGUE.model_copy(update={"identity": CATALOGUE.identity.model_copy(update={"policy": "last_known"})})


def record(touchpoint: Touchpoint) -> Output:
    value = touchpoint.model_dump_json(exclude_none=True).encode()
    return Output(topics.COLLECTED.name, touchpoint.key.encode(), value, 1_774_000_000_000)


def event(hour: float, channel: str, *keys: str, buys: str | None = None, source: str = "shop") -> Output:
    return record(
        Touchpoint(
            event_id=uuid5(NAMESPACE, f"{hour} {keys}"),
            source=source,
            touchpoint="store_purchase" if buys else "page_view",
            channel=channel,
            occurred_at=START + timedelta(hours=hour),
            received_at=ARRIVAL,
            identifiers=tuple(Identifier(kind=key.partition(":")[0], value=key.partition(":")[2]) for key in keys),
            order_id=f"o-{hour}" if buys else None,
            amount=Money(amount=Decimal(buys), currency="EUR") if buys else None,
            body=StoreBody() if buys else WebBody(),
        )
    )


def decision(hour: float, action: Action, to: str, other: str | None = None) -> Output:
    command = Command(
        to=to,
        action=action,
        other=other,
        command_id=UUID(int=1),
        requested_at=START + timedelta(hours=hour),
        requested_by="an admin",
    )
    value = IdentityMessage(message=command).model_dump_json().encode()
    return Output(topics.IDENTITY.name, to.encode(), value, 1_774_000_000_000)


EVENTS = [
    event(0, "search", TABLET),
    event(1, "web", TABLET, ADA),
    event(2, "display", TABLET),
    event(3, "web", TABLET, BO),
    event(4, "social", TABLET),
    event(5, "store", BO, buys="100.00"),
    event(6, "store", ADA, buys="60.00"),
]


def credited(comparison: Comparison, policy: str, model: str) -> dict[str, Decimal]:
    found = comparison.outcomes[policy].credited
    assert {line.currency for line in found} == {"EUR"}
    return {line.channel: value for line, value in found.items() if line.model == model}


def euros(**amounts: str) -> dict[str, Decimal]:
    return {channel: Decimal(amount) for channel, amount in amounts.items()}


@pytest.fixture(scope="module")
def tablet() -> Comparison:
    return compare(EVENTS, IN_FORCE)


def test_whoever_was_seen_last_has_the_tablets_events_and_the_first_what_came_before(tablet: Comparison) -> None:
    """ada: search, web, display; bo: web, social."""
    assert tablet.outcomes["last_known"].people == {TABLET: {ADA: 2, BO: 1}}
    assert tablet.outcomes["last_known"].profiles == 2
    assert credited(tablet, "last_known", "first") == euros(search="60", web="100")
    assert credited(tablet, "last_known", "last") == euros(display="60", social="100")
    assert credited(tablet, "last_known", "linear") == euros(search="20", web="70", display="20", social="50")


def test_what_came_before_the_first_log_in_stays_the_tablets_own_and_earns_nothing(tablet: Comparison) -> None:
    """The tablet: search; ada: web, display; bo: web, social."""
    assert tablet.outcomes["split_at_login"].people == {TABLET: {TABLET: 1, ADA: 1, BO: 1}}
    assert tablet.outcomes["split_at_login"].profiles == 3
    assert credited(tablet, "split_at_login", "first") == euros(web="160")
    assert credited(tablet, "split_at_login", "last") == euros(display="60", social="100")
    assert credited(tablet, "split_at_login", "linear") == euros(web="80", display="30", social="50")


def test_the_tablet_alone_is_nobodys_under_the_third_policy(tablet: Comparison) -> None:
    """The tablet: search, display, social; ada: web; bo: web."""
    assert tablet.outcomes["device_only"].people == {TABLET: {TABLET: 3}}
    assert tablet.outcomes["device_only"].profiles == 3
    for model in ("first", "last", "linear"):
        assert credited(tablet, "device_only", model) == euros(web="160")


def test_what_is_sold_is_the_same_under_every_policy(tablet: Comparison) -> None:
    assert (tablet.events, tablet.decisions, tablet.quarantined) == (7, 0, 0)
    assert tablet.in_force == "last_known"
    assert tuple(tablet.outcomes) == POLICIES
    for outcome in tablet.outcomes.values():
        assert outcome.conversions == 2
        assert outcome.shared == 1
        assert outcome.revenue == euros(EUR="160")
        for model in ("first", "last", "linear"):
            assert sum(value for line, value in outcome.credited.items() if line.model == model) == 160
    # Journeys: one of each customer, and one of the tablet where it has events of its own.
    assert [outcome.journeys for outcome in tablet.outcomes.values()] == [2, 3, 3]


def test_the_identifier_whose_events_move_is_told_with_whose_they_are(tablet: Comparison) -> None:
    [difference] = tablet.differences
    assert (difference.identifier, difference.events, difference.moved) == (TABLET, 3, 3)
    assert difference.people["last_known"] == {ADA: 2, BO: 1}
    assert difference.people["device_only"] == {TABLET: 3}


def test_an_identifier_of_one_customer_is_neither_shared_nor_different() -> None:
    comparison = compare([event(0, "search", TABLET), event(1, "web", TABLET, ADA)], IN_FORCE)
    assert comparison.differences == []
    assert {outcome.shared for outcome in comparison.outcomes.values()} == {0}
    assert {outcome.profiles for outcome in comparison.outcomes.values()} == {1}


def with_policies(**policies: str) -> Catalogue:
    identity = CATALOGUE.identity.model_copy(update={"policy": "split_at_login", "policies": policies})
    return CATALOGUE.model_copy(update={"identity": identity})


def test_where_sources_have_different_policies_what_is_configured_stands_beside_the_three() -> None:
    events = [*EVENTS, event(4.5, "social", TABLET, source="kiosk")]
    comparison = compare(events, with_policies(kiosk="device_only"))
    assert comparison.in_force == AS_CONFIGURED
    assert tuple(comparison.outcomes) == (AS_CONFIGURED, *POLICIES)
    assert comparison.outcomes[AS_CONFIGURED].people == {TABLET: {TABLET: 2, ADA: 1, BO: 1}}
    assert comparison.outcomes["split_at_login"].people == {TABLET: {BO: 2, TABLET: 1, ADA: 1}}


def test_the_policy_of_one_source_can_be_tried_while_the_others_keep_theirs() -> None:
    events = [*EVENTS, event(4.5, "social", TABLET, source="kiosk")]
    comparison = compare(events, with_policies(kiosk="device_only"), ["kiosk"])
    assert comparison.in_force == "device_only"
    assert comparison.outcomes["device_only"].people == {TABLET: {TABLET: 2, ADA: 1, BO: 1}}
    assert comparison.outcomes["last_known"].people == {TABLET: {BO: 2, TABLET: 1, ADA: 1}}


def test_what_people_have_decided_holds_under_every_policy() -> None:
    comparison = compare([*EVENTS, decision(7, "block", TABLET)], IN_FORCE)
    assert comparison.decisions == 1
    for outcome in comparison.outcomes.values():
        assert outcome.shared == 0
        assert outcome.profiles == 3
        assert outcome.credited[Line("linear", "web", "EUR")] == 160


def test_progress_is_told_by_policy_until_all_is_done() -> None:
    told: list[tuple[str, int]] = []
    compare(EVENTS, IN_FORCE, on_progress=lambda name, count: told.append((name, count)))
    assert told == [(policy, 7) for policy in POLICIES]


def test_without_events_there_is_nothing_and_nobody() -> None:
    comparison = compare([], IN_FORCE)
    assert comparison.events == 0
    assert comparison.differences == []
    assert all(outcome.profiles == outcome.journeys == 0 for outcome in comparison.outcomes.values())
