"""Whose profile is it? Stories of a few lines, told to the plain reference and to the real stages.

Times are hours since the story began. A profile is written as the identifier that names it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid5

import pytest

from schemas.base import NAMESPACE, profile_id
from schemas.bodies import OtherBody
from schemas.catalogue import Cap, IdentitySettings
from schemas.identity import Action, Command
from schemas.money import Money
from schemas.touchpoint import Touchpoint
from streams.core.loopback import first_all
from tests.properties.folding import ARRIVAL, START
from tests.properties.identity_histories import History, identifier
from tests.properties.identity_reference import resolve_all
from tests.properties.identity_running import catalogue_of, holders, profiles, run

ADA, BO, CY = "customer:ada", "customer:bo", "customer:cy"
Resolver = Callable[[History], dict[UUID, UUID | None]]


class Story:
    """What happened, in the order in which it arrives. Events have names, so that a test can ask where they are."""

    def __init__(self, **settings: object) -> None:
        self.settings = IdentitySettings.model_validate(settings)
        self.arrivals: list[Touchpoint | Command] = []

    def see(self, name: str, at: float, *keys: str, source: str = "web", public: bool = False, **more: Any) -> None:
        """An event with these identifiers."""
        event = Touchpoint(
            event_id=uuid5(NAMESPACE, name),
            source=source,
            occurred_at=START + timedelta(hours=at),
            received_at=ARRIVAL,
            identifiers=tuple(identifier(key) for key in keys),
            body=OtherBody(),
            verified=not public,
            **{"touchpoint": "page_view", "channel": "web", **more},
        )
        self.arrivals.append(event)

    def buy(self, name: str, at: float, *keys: str, order: str = "1001", **more: Any) -> None:
        """An order is sold."""
        paid = {"touchpoint": "order_completed", "amount": Money(amount=Decimal(20), currency="EUR")}
        self.see(name, at, *keys, **{**paid, "order_id": order, **more})

    def bring_back(self, name: str, at: float, *keys: str, order: str = "1001", **more: Any) -> None:
        """An order goes back; without keys nobody is named."""
        self.see(name, at, *keys, touchpoint="store_return", channel="store", order_id=order, **more)

    def decide(self, at: float, action: Action, to: str, other: str | None = None) -> None:
        """A person's decision."""
        command = Command(
            to=to,
            action=action,
            other=other,
            command_id=uuid5(NAMESPACE, f"{at} {action} {to} {other}"),
            requested_at=START + timedelta(hours=at),
            requested_by="an admin",
        )
        self.arrivals.append(command)


def by_reference(history: History) -> dict[UUID, UUID | None]:
    return resolve_all(history.events, history.commands, history.settings).profiles


def by_stages(partitions: int, history: History) -> dict[UUID, UUID | None]:
    loop = run(history, partitions, first_all)
    held = holders(loop, catalogue_of(history))
    found = profiles(loop)
    assert held == {event: [str(profile)] for event, profile in found.items() if profile is not None}
    return found


RESOLVERS: dict[str, Resolver] = {
    "reference": by_reference,
    "one partition": partial(by_stages, 1),
    "five partitions": partial(by_stages, 5),
}


@pytest.fixture(params=sorted(RESOLVERS))
def resolve(request: pytest.FixtureRequest) -> Resolver:
    return RESOLVERS[request.param]


@pytest.fixture(params=["as told", "backwards"])
def homes(request: pytest.FixtureRequest, resolve: Resolver) -> Callable[..., list[str | None]]:
    """Give the profiles of a story's events, by their names. It must not matter in which order they came."""

    def ask(story: Story, *names: str) -> list[str | None]:
        arrivals = story.arrivals if request.param == "as told" else story.arrivals[::-1]
        history = History(story.settings, tuple(arrivals))
        found = resolve(history)
        keys = {i.key for event in history.events for i in event.identifiers}
        keys |= {f"order:{event.order_id}" for event in history.events}
        known = {profile_id(key): key for key in keys}
        return [known[home] if (home := found[uuid5(NAMESPACE, name)]) else None for name in names]

    return ask


def test_an_event_without_identifiers_has_no_profile(homes) -> None:
    story = Story()
    story.see("a poster was seen", 0)
    assert homes(story, "a poster was seen") == [None]


def test_an_identifier_that_nobody_knows_more_of_names_its_own_profile(homes) -> None:
    story = Story()
    story.see("visit", 0, "anonymous:a1")
    assert homes(story, "visit") == ["anonymous:a1"]


def test_without_a_customer_the_strongest_identifier_names_the_profile(homes) -> None:
    story = Story()
    story.see("visit", 0, "anonymous:a1")
    story.see("click", 1, "email:e1", "anonymous:a1")
    story.see("chat", 2, "crm_number:7", "anonymous:a1")
    assert homes(story, "visit", "click", "chat") == ["email:e1"] * 3


def test_history_before_the_log_in_joins_the_customer(homes) -> None:
    story = Story()
    story.see("first visit", 0, "anonymous:a1")
    story.see("second visit", 48, "anonymous:a1")
    story.see("log-in", 49, ADA, "anonymous:a1")
    assert homes(story, "first visit", "second visit", "log-in") == [ADA] * 3


def test_a_chain_leads_to_the_customer_at_its_end(homes) -> None:
    story = Story()
    story.see("visit", 0, "anonymous:a1")
    story.see("click", 1, "email:e1", "anonymous:a1")
    story.see("reservation", 2, "email:e1", "phone:p1")
    story.see("card", 3, "loyalty:l1", "phone:p1")
    story.see("registration", 4, ADA, "loyalty:l1")
    assert homes(story, "visit", "click", "reservation", "card", "registration") == [ADA] * 5


def test_a_chain_that_is_too_long_does_not_reach_the_customer(homes) -> None:
    story = Story(max_hops=2)
    story.see("visit", 0, "anonymous:a1")
    story.see("click", 1, "email:e1", "anonymous:a1")
    story.see("reservation", 2, "email:e1", "phone:p1")
    story.see("registration", 3, ADA, "phone:p1")
    assert homes(story, "click", "reservation", "registration") == [ADA, ADA, ADA]
    assert homes(story, "visit") == ["anonymous:a1"]


def test_a_diamond_is_one_person_whichever_way_one_goes(homes) -> None:
    story = Story()
    story.see("mail", 0, ADA, "email:e1")
    story.see("call", 1, ADA, "phone:p1")
    story.see("click", 2, "email:e1", "anonymous:a1")
    story.see("chat", 3, "phone:p1", "anonymous:a1")
    story.see("visit", 4, "anonymous:a1")
    assert homes(story, "mail", "call", "click", "chat", "visit") == [ADA] * 5


def test_a_bridge_between_two_customers_divides_in_the_middle(homes) -> None:
    story = Story()
    story.see("ada's mail", 0, ADA, "email:e1")
    story.see("ada's click", 1, "email:e1", "anonymous:a1")
    story.see("bo's call", 2, BO, "phone:p1")
    story.see("bo's chat", 3, "phone:p1", "anonymous:a2")
    story.see("one browser, two cookies", 4, "anonymous:a1", "anonymous:a2")
    story.see("a1 alone", 5, "anonymous:a1")
    story.see("a2 alone", 6, "anonymous:a2")
    assert homes(story, "ada's mail", "ada's click", "a1 alone") == [ADA] * 3
    assert homes(story, "bo's call", "bo's chat", "a2 alone") == [BO] * 3


def test_in_the_very_middle_of_a_bridge_the_lesser_customer_wins(homes) -> None:
    story = Story()
    story.see("ada's mail", 0, ADA, "email:e1")
    story.see("bo's mail", 1, BO, "email:e2")
    story.see("ada's click", 2, "email:e1", "anonymous:a1")
    story.see("bo's click", 3, "email:e2", "anonymous:a1")
    story.see("visit", 4, "anonymous:a1")
    assert homes(story, "ada's click", "bo's click", "visit") == [ADA, BO, ADA]


def test_a_late_merge_brings_two_lives_together(homes) -> None:
    story = Story()
    story.see("newsletter", 0, "email:e1")
    story.see("click", 1, "email:e1", "anonymous:a1")
    story.see("call", 2, "phone:p1")
    story.see("purchase", 3, "loyalty:l1", "phone:p1")
    assert homes(story, "newsletter", "click", "call", "purchase") == ["email:e1"] * 2 + ["loyalty:l1"] * 2
    story.see("months later", 2000, "email:e1", "phone:p1")
    everything = ("newsletter", "click", "call", "purchase", "months later")
    assert homes(story, *everything) == ["loyalty:l1"] * 5
    story.see("half a year later", 4000, ADA, "loyalty:l1")
    assert homes(story, *everything, "half a year later") == [ADA] * 6


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("last_known", [ADA, ADA, BO]),
        ("split_at_login", ["device:tablet", ADA, BO]),
        ("device_only", ["device:tablet"] * 3),
    ],
)
def test_two_people_on_one_tablet_are_told_apart_as_the_policy_says(homes, policy, expected) -> None:
    story = Story(policies={"tablet": policy})
    story.see("early", 9, "device:tablet", source="tablet")
    story.see("ada logs in", 10, ADA, "device:tablet", source="tablet")
    story.see("between", 11, "device:tablet", source="tablet")
    story.see("bo logs in", 12, BO, "device:tablet", source="tablet")
    story.see("late", 13, "device:tablet", source="tablet")
    assert homes(story, "ada logs in", "bo logs in") == [ADA, BO]
    assert homes(story, "early", "between", "late") == expected


def test_a_tablet_of_one_person_is_hers_under_every_policy(homes) -> None:
    story = Story(policies={"tablet": "split_at_login", "kiosk": "device_only"})
    story.see("early", 9, "device:tablet", source="tablet")
    story.see("at the kiosk", 9.5, "device:tablet", source="kiosk")
    story.see("ada logs in", 10, ADA, "device:tablet", source="tablet")
    assert homes(story, "early", "at the kiosk", "ada logs in") == [ADA] * 3


def test_a_family_address_follows_who_used_it_last_and_what_hangs_on_it_has_one_owner(homes) -> None:
    story = Story()
    story.see("ada orders", 0, ADA, "email:family")
    story.see("click after ada", 5, "email:family")
    story.see("bo orders", 10, BO, "email:family")
    story.see("click after bo", 15, "email:family")
    story.see("click on the laptop", 20, "email:family", "anonymous:laptop")
    story.see("visit", 21, "anonymous:laptop")
    assert homes(story, "ada orders", "bo orders") == [ADA, BO]
    assert homes(story, "click after ada", "click after bo", "click on the laptop") == [ADA, BO, BO]
    assert homes(story, "visit") == [ADA]  # it was never seen with a customer: nothing tells when it was whose


def test_a_kiosk_joins_nobody_once_too_many_customers_used_it(homes) -> None:
    story = Story()
    story.see("before the shop opens", -1, "device:kiosk")
    for number in range(10):
        story.see(f"customer {number}", number, f"customer:c{number}", "device:kiosk")
    story.see("in the evening", 20, "device:kiosk")
    assert homes(story, "before the shop opens", "in the evening") == ["customer:c0", "customer:c9"]
    story.see("customer 10", 10, "customer:c10", "device:kiosk")
    assert homes(story, "before the shop opens", "in the evening") == ["device:kiosk"] * 2
    assert homes(story, "customer 3", "customer 10") == ["customer:c3", "customer:c10"]


def test_an_agents_own_address_on_the_block_list_joins_nobody(homes) -> None:
    story = Story(block=("email:agent@example.org",))
    story.see("ticket", 0, "email:agent@example.org", "phone:p1")
    story.see("call", 1, "phone:p1")
    story.see("another ticket", 2, ADA, "email:agent@example.org")
    story.see("reply", 3, "email:agent@example.org")
    assert homes(story, "ticket", "call", "another ticket", "reply") == [
        "email:agent@example.org", "phone:p1", ADA, "email:agent@example.org",
    ]  # fmt: skip


def test_an_agents_own_address_that_nobody_listed_goes_over_its_cap(homes) -> None:
    story = Story(caps={"email": Cap(links=3)})
    for number in range(3):
        story.see(f"ticket {number}", number, "email:agent@example.org", f"phone:p{number}")
        story.see(f"call {number}", number, f"phone:p{number}")
    assert homes(story, "ticket 0", "call 2") == ["email:agent@example.org"] * 2
    story.see("ticket 3", 3, "email:agent@example.org", "phone:p3")
    assert homes(story, "ticket 0", "ticket 3") == ["email:agent@example.org"] * 2
    assert homes(story, "call 0", "call 1", "call 2") == ["phone:p0", "phone:p1", "phone:p2"]


def test_claims_that_anybody_can_make_do_not_block_an_identifier(homes) -> None:
    story = Story(caps={"anonymous": Cap(customers=1)})
    story.see("log-in", 0, ADA, "anonymous:a1")
    story.see("visit", 1, "anonymous:a1")
    story.see("a claim", 2, BO, "anonymous:a1", public=True)
    story.see("another claim", 3, CY, "anonymous:a1", public=True)
    assert homes(story, "visit", "log-in", "a claim", "another claim") == [ADA, ADA, BO, CY]


def test_a_recycled_phone_number_goes_to_its_new_owner_from_the_day_she_is_seen_with_it(homes) -> None:
    story = Story()
    story.see("ada's number", 0, ADA, "phone:p1")
    story.see("a call in spring", 100, "phone:p1")
    story.see("cy's number", 5000, CY, "phone:p1")
    story.see("a call in autumn", 5100, "phone:p1")
    assert homes(story, "a call in spring", "a call in autumn") == [ADA, CY]


def test_an_alias_of_an_identifier_with_itself_says_nothing(homes) -> None:
    story = Story()
    story.see("alias", 0, "anonymous:a1", "anonymous:a1")
    story.see("alias of a customer", 1, ADA, ADA)
    assert homes(story, "alias", "alias of a customer") == ["anonymous:a1", ADA]


def test_an_earlier_page_view_stamped_with_a_later_user_id_dates_the_log_in_back(homes) -> None:
    story = Story(policies={"web": "split_at_login"})
    story.see("before", 8, "anonymous:a1")
    story.see("page view, stamped by the browser's queue", 9, ADA, "anonymous:a1")
    story.see("after it", 9.5, "anonymous:a1")
    story.see("log-in", 10, ADA, "anonymous:a1")
    story.see("bo on the same browser", 12, BO, "anonymous:a1")
    assert homes(story, "before", "after it") == ["anonymous:a1", ADA]
    assert homes(story, "page view, stamped by the browser's queue", "log-in") == [ADA, ADA]


def test_what_a_person_has_parted_is_not_joined_again_by_later_events(homes) -> None:
    story = Story()
    story.see("visit", 0, "anonymous:a1")
    story.see("log-in", 1, ADA, "anonymous:a1")
    story.see("click", 2, "anonymous:a1", "device:d1")
    story.see("app", 2, "device:d1")
    assert homes(story, "visit", "log-in", "app") == [ADA] * 3
    story.decide(3, "unmerge", "anonymous:a1")
    story.see("another log-in", 4, ADA, "anonymous:a1")
    story.see("another visit", 5, "anonymous:a1")
    assert homes(story, "log-in", "another log-in") == [ADA, ADA]
    assert homes(story, "visit", "another visit", "app") == ["anonymous:a1"] * 3
    story.decide(6, "merge", "anonymous:a1", ADA)
    assert homes(story, "visit", "another visit", "app") == [ADA] * 3


def test_two_customers_that_a_person_has_merged_are_one_until_it_is_undone(homes) -> None:
    story = Story()
    story.see("ada's mail", 0, ADA, "email:e1")
    story.see("bo's mail", 1, BO, "email:e2")
    story.see("bo's click", 2, "email:e2", "anonymous:a2")
    names = ("ada's mail", "bo's mail", "bo's click")
    assert homes(story, *names) == [ADA, BO, BO]
    story.decide(3, "merge", BO, ADA)
    assert homes(story, *names) == [ADA] * 3
    story.decide(4, "unmerge", ADA)
    assert homes(story, *names) == [ADA, BO, BO]


def test_a_device_of_two_customers_who_are_one_is_not_shared(homes) -> None:
    story = Story(policy="device_only")
    story.see("ada logs in", 0, ADA, "device:d1")
    story.see("bo logs in", 1, BO, "device:d1")
    story.see("visit", 2, "device:d1")
    assert homes(story, "visit") == ["device:d1"]
    story.decide(3, "merge", ADA, BO)
    assert homes(story, "visit") == [ADA]


def test_a_block_takes_effect_for_the_past_too_and_can_be_lifted(homes) -> None:
    story = Story()
    story.see("visit", 0, "device:d1")
    story.see("log-in", 1, ADA, "device:d1")
    story.see("cookie", 2, "device:d1", "anonymous:a1")
    story.see("cookie alone", 3, "anonymous:a1")
    story.decide(4, "block", "device:d1")
    assert homes(story, "visit", "log-in", "cookie", "cookie alone") == [
        "device:d1", ADA, "device:d1", "anonymous:a1",
    ]  # fmt: skip
    story.decide(5, "unblock", "device:d1")
    assert homes(story, "visit", "log-in", "cookie", "cookie alone") == [ADA] * 4


def test_what_a_public_key_claims_gives_way_to_a_trusted_source(homes) -> None:
    story = Story()
    story.see("visit", 0, "anonymous:a1")
    story.see("a claim", 1, BO, "anonymous:a1", public=True)
    assert homes(story, "visit", "a claim") == [BO, BO]
    story.see("log-in", 2, CY, "anonymous:a1")
    story.see("another visit", 3, "anonymous:a1")
    assert homes(story, "visit", "a claim", "log-in", "another visit") == [CY, BO, CY, CY]


def test_what_a_public_key_claims_can_be_left_out(homes) -> None:
    story = Story(public_links="none")
    story.see("visit", 0, "anonymous:a1")
    story.see("a claim", 1, BO, "anonymous:a1", public=True)
    assert homes(story, "visit", "a claim") == ["anonymous:a1", BO]


def test_of_two_customers_in_one_event_the_lesser_has_it_and_they_are_not_joined(homes) -> None:
    story = Story()
    story.see("transfer", 0, BO, ADA, "device:d1")
    story.see("bo's own", 1, BO)
    story.see("device", 2, "device:d1")
    assert homes(story, "transfer", "bo's own", "device") == [ADA, BO, ADA]


def test_a_second_kind_of_which_a_person_has_one_names_profiles_too(homes) -> None:
    story = Story(unique=("customer", "loyalty"))
    story.see("card", 0, "loyalty:l1", "phone:p1")
    story.see("account", 1, ADA, "loyalty:l1")
    story.see("call", 2, "phone:p1")
    assert homes(story, "card", "account", "call") == ["loyalty:l1", ADA, "loyalty:l1"]


def test_what_was_told_with_a_merge_is_taken_back_with_it_also_where_an_event_has_named_both(homes) -> None:
    story = Story(unique=("email",))
    story.see("order", 0, ADA, "email:e1")
    story.decide(1, "merge", "email:e1", ADA)
    assert homes(story, "order") == ["email:e1"]
    story.decide(2, "unmerge", "email:e1")
    assert homes(story, "order") == ["email:e1"]  # the event says so
    story.decide(3, "block", "email:e1")
    assert homes(story, "order") == [ADA]


# --- orders that go back without a name


def test_what_goes_back_without_a_name_is_the_buyers(homes) -> None:
    story = Story()
    story.buy("bought", 0, ADA, "anonymous:a1")
    story.bring_back("back", 9)
    assert homes(story, "bought", "back") == [ADA, ADA]


def test_it_follows_the_buyer_to_another_profile_and_back(homes) -> None:
    story = Story()
    story.buy("bought", 0, "anonymous:a1")
    story.bring_back("back", 9)
    assert homes(story, "bought", "back") == ["anonymous:a1", "anonymous:a1"]
    story.see("log-in", 20, ADA, "anonymous:a1")
    assert homes(story, "bought", "back") == [ADA, ADA]
    story.decide(30, "unmerge", "anonymous:a1")
    assert homes(story, "bought", "back") == ["anonymous:a1", "anonymous:a1"]


def test_on_a_shared_device_it_is_of_whoever_was_there_when_it_was_bought(homes) -> None:
    story = Story()
    story.see("ada", 0, ADA, "device:tablet")
    story.buy("bought", 1, "device:tablet")
    story.see("bo", 5, BO, "device:tablet")
    story.bring_back("back", 9)
    assert homes(story, "bought", "back") == [ADA, ADA]


def test_a_number_that_two_customers_have_bought_is_nobodys_and_joins_nobody(homes) -> None:
    story = Story()
    story.buy("ada's", 0, ADA, "email:ada@example.org")
    story.buy("bo's", 1, BO, "email:bo@example.org")
    story.bring_back("back", 9)
    assert homes(story, "ada's", "bo's", "back") == [ADA, BO, "order:1001"]


def test_guests_of_two_shops_with_one_number_stay_two(homes) -> None:
    story = Story()
    story.buy("here", 0, "email:ada@example.org")
    story.buy("there", 1, "email:bo@example.org")
    story.bring_back("back", 9)
    assert homes(story, "here", "there", "back") == ["email:ada@example.org", "email:bo@example.org", "order:1001"]


def test_one_person_may_be_named_in_two_ways(homes) -> None:
    story = Story()
    story.buy("in the shop's words", 0, ADA, "email:ada@example.org")
    story.buy("in the bank's", 1, "email:ada@example.org")
    story.bring_back("back", 9)
    assert homes(story, "back") == [ADA]


def test_whoever_is_named_beside_the_price_is_the_buyer_and_who_only_took_the_parcel_is_not(homes) -> None:
    story = Story()
    story.buy("bought", 0, ADA)
    story.see("parcel taken", 5, "phone:neighbour", touchpoint="delivery", order_id="1001")
    story.bring_back("back", 9)
    assert homes(story, "back") == [ADA]


def test_a_public_key_cannot_take_an_order_from_its_buyer_nor_hide_it(homes) -> None:
    story = Story()
    story.buy("bought", 5, ADA)
    for number in range(12):
        story.buy(f"claimed {number}", 1, f"anonymous:{number}", public=True)
    story.bring_back("back", 9)
    assert homes(story, "back") == [ADA]


def test_what_public_keys_say_counts_while_nobody_else_has_spoken(homes) -> None:
    story = Story()
    story.buy("bought", 0, "anonymous:a1", public=True)
    story.bring_back("back", 9)
    assert homes(story, "back") == ["anonymous:a1"]


def test_public_keys_that_join_nobody_tell_of_no_buyer(homes) -> None:
    story = Story(public_links="none")
    story.buy("bought", 0, "anonymous:a1", public=True)
    story.bring_back("back", 9)
    assert homes(story, "back") == ["order:1001"]


@pytest.mark.parametrize(("buyers", "whose"), [(8, ADA), (9, "order:1001")])
def test_a_number_that_many_name_is_no_order(homes, buyers: int, whose: str) -> None:
    story = Story(max_hops=64)
    for number in range(buyers):
        story.see(f"seen {number}", number, ADA, f"email:{number}@example.org")
        story.buy(f"bought {number}", 20 + number, f"email:{number}@example.org")
    story.bring_back("back", 99)
    assert homes(story, "back") == [whose]


def test_a_sale_without_a_name_stays_nobodys_and_so_does_a_return_without_a_number(homes) -> None:
    story = Story()
    story.buy("bought", 0, order="88")
    story.buy("by a name", 0, ADA, order="null")
    story.bring_back("without a number", 9, order=None)
    story.bring_back("a blank", 9, order="null")
    assert homes(story, "bought", "without a number", "a blank") == [None, None, None]


def test_who_is_named_where_it_goes_back_keeps_it(homes) -> None:
    story = Story()
    story.buy("bought", 0, ADA)
    story.bring_back("back", 9, BO)
    assert homes(story, "back") == [BO]


def test_an_order_that_is_said_to_be_an_identifier_belongs_with_whom_it_is_seen(homes) -> None:
    story = Story()
    story.see("paid", 0, BO, "order:1001")
    story.buy("bought", 1, ADA)
    story.bring_back("back", 9)
    assert homes(story, "back") == [BO]


def test_people_may_decide_whose_an_order_is(homes) -> None:
    story = Story()
    story.buy("bought", 0, ADA)
    story.see("bo", 1, BO)
    story.bring_back("back", 9)
    story.decide(10, "merge", "order:1001", BO)
    assert homes(story, "back") == [BO]
    story.decide(11, "unmerge", "order:1001")
    assert homes(story, "back") == ["order:1001"]
