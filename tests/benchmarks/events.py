"""Events for the benchmarks, made from a seed: the same on every machine and in every job that is compared."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from schemas.bodies import EmailBody, HotlineBody, OtherBody, WebBody
from schemas.identifier import Identifier
from schemas.money import Money
from schemas.touchpoint import Campaign, Touchpoint

START = datetime(2026, 1, 1, tzinfo=UTC)
RECEIVED = datetime(2026, 10, 1, tzinfo=UTC)
CONVERSIONS = 20
"""One event in so many is a purchase."""
_KINDS = [
    ("page_view", "web"), ("page_view", "web"), ("product_viewed", "web"), ("page_view", "web"),
    ("email_clicked", "email"), ("call", "hotline"), ("direct_mail", "direct_mail"),
]  # fmt: skip
_BODIES = {
    "web": WebBody(url="https://shop.example/products/1", referrer="https://search.example/", title="Running shoes"),
    "email": EmailBody(mailing="spring-1", subject="Spring is here"),
    "hotline": HotlineBody(queue="sales", reason="delivery", waiting_time=Decimal("12.5"), talk_time=Decimal(240)),
    "direct_mail": OtherBody(text="postcard"),
}


def touchpoints(
    count: int, profiles: int, *, seed: int = 1, start: int = 0, days: int = 200, late: float = 0.02
) -> Iterator[Touchpoint]:
    """Give events of `profiles` customers from day `start` on, in order but for a share that is up to 10 days late."""
    draw = random.Random(seed)
    step = timedelta(days=days) / count
    for number in range(count):
        customer = draw.randrange(profiles)
        occurred_at = START + timedelta(days=start) + step * number
        if draw.random() < late:
            occurred_at -= timedelta(days=10) * draw.random()
        purchase = number % CONVERSIONS == 0
        name, channel = ("order_completed", "web") if purchase else draw.choice(_KINDS)
        campaign = Campaign(name=f"campaign-{draw.randrange(12)}", source="search", medium="cpc")
        yield Touchpoint(
            event_id=uuid.UUID(int=draw.getrandbits(128), version=4),
            source="shop",
            touchpoint=name,
            channel=channel,
            occurred_at=occurred_at,
            received_at=RECEIVED,
            identifiers=(
                Identifier(kind="customer", value=f"c{customer}"),
                Identifier(kind="anonymous", value=f"device-{customer}"),
            ),
            campaign=campaign if name != "page_view" else None,
            order_id=f"order-{number}" if purchase else None,
            amount=Money.from_minor(draw.randrange(500, 20_000), "EUR") if purchase else None,
            body=_BODIES[channel],
            properties={"page": number % 100, "experiment": "b"},
        )
