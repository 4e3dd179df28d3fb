"""A small language for the borders: events at offsets from the start, fed to the real stages, read as readers do."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from schemas.bodies import OtherBody, WebBody
from schemas.catalogue import Catalogue, load
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint
from tests.properties.folding import ARRIVAL, START, EndState, end_state, run

DEFAULT = load()
TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def event(
    n: int,
    at: timedelta,
    touchpoint: str = "page_view",
    channel: str = "web",
    *,
    device: str | None = "a1",
    campaign: str | None = None,
    order: str | None = None,
    amount: str | None = None,
    currency: str = "EUR",
    properties: dict[str, Any] | None = None,
) -> Touchpoint:
    """Event `n` of one known customer, `at` after the start."""
    who = [Identifier(kind="customer", value="ada")]
    if device is not None and channel == "web":
        who.append(Identifier(kind="anonymous", value=device))
    return Touchpoint(
        event_id=UUID(int=n),
        source="test",
        touchpoint=touchpoint,
        channel=channel,
        occurred_at=START + at,
        received_at=ARRIVAL,
        identifiers=tuple(who),
        campaign=Campaign(name=campaign) if campaign else None,
        order_id=order,
        amount=Money(amount=Decimal(amount), currency=currency) if amount is not None else None,
        body=WebBody() if channel == "web" else OtherBody(),
        properties=properties or {},
    )


def call(n: int, at: timedelta) -> Touchpoint:
    """A call: a touch of its own."""
    return event(n, at, "call", "hotline")


def purchase(n: int, at: timedelta, order: str | None = None, amount: str | None = "10.00", **more: Any) -> Touchpoint:
    """A purchase in a branch: the closing conversion, which is no touch."""
    return event(n, at, "store_purchase", "store", order=order, amount=amount, **more)


def refund(n: int, at: timedelta, order: str, amount: str | None = None, **more: Any) -> Touchpoint:
    """Money taken back from an order."""
    return event(n, at, "store_return", "store", order=order, amount=amount, **more)


def identifier(n: int) -> str:
    """The id of event `n` as it is written."""
    return str(UUID(int=n))


def tell(events: Sequence[Touchpoint], catalogue: Catalogue = DEFAULT) -> EndState:
    """What a reader sees after the events, in this order of arrival, one a batch."""
    return end_state(run(events, range(len(events)), catalogue))


def path(state: EndState, conversion: int) -> list[int]:
    """The events on the path of a conversion."""
    return [UUID(step["touchpoint_id"]).int for step in state.conversions[identifier(conversion)]["path"]]


def net(state: EndState, conversion: int) -> int:
    """The net value of a conversion, in minor units; the ledger has the same."""
    value: int = state.conversions[identifier(conversion)]["net_minor"]
    models = {model for c, model, _ in state.credits if c == identifier(conversion)}
    assert models
    for model in models:
        lines = [line for (c, m, _), line in state.credits.items() if (c, m) == (identifier(conversion), model)]
        assert sum(credit for credit, _ in lines) == 1
        assert sum(minor for _, minor in lines) == value
    return value


def journeys(state: EndState) -> list[dict[str, Any]]:
    """The journeys, in order of their beginning."""
    return sorted(state.journeys.values(), key=lambda journey: journey["opened_at"])


def opening(journey: dict[str, Any]) -> int:
    """The event that opened a journey."""
    return UUID(journey["opening_event"]).int


def attributing(**settings: Any) -> Catalogue:
    """The default catalogue with other settings of attribution."""
    return DEFAULT.model_copy(update={"attribution": DEFAULT.attribution.model_copy(update=settings)})
