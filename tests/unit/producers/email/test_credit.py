"""Through the real fold: of what a mailing does, only a person's click is on the path of the purchase behind it."""

from __future__ import annotations

from datetime import timedelta

from producers.adapters.registry import ADAPTERS
from schemas.identifier import Identifier
from schemas.touchpoint import Touchpoint
from tests.properties.folding import START
from tests.unit.core.life import DAY, path, purchase, tell
from tests.unit.producers.email.test_mailings import examples

ADA = (Identifier(kind="customer", value="ada"),)
MAIL = [name for name, adapter in ADAPTERS.items() if adapter.area == "email" and adapter.hook is not None]


def mailings() -> list[Touchpoint]:
    """All examples of all providers, one minute after the other, as events of one customer."""
    found = {one.event_id: one for name in MAIL for one in examples(name)}
    return [
        one.model_copy(
            update={
                "occurred_at": START + timedelta(minutes=number),
                "received_at": START + 3 * DAY,
                "identifiers": ADA,
            }
        )
        for number, one in enumerate(found.values())
    ]


def test_only_clicks_of_people_are_on_the_path_of_the_purchase() -> None:
    events = mailings()
    state = tell([*events, purchase(1, 2 * DAY, "o1")])
    clicks = [one.event_id for one in events if one.touchpoint == "email_clicked"]
    assert len(clicks) >= len(MAIL)
    assert path(state, 1) == [click.int for click in clicks]
