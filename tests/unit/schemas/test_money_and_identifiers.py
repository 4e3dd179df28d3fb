"""The rules of money, of identifiers, of ids and of the topics' settings."""

from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import ValidationError

from schemas import topics
from schemas.base import derived_id, event_id, profile_id
from schemas.identifier import Identifier, strongest
from schemas.money import MOST_MINOR, Money, minor_digits


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("XXX", 0)])
def test_a_currency_has_its_own_number_of_decimals(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.99", "EUR", 1299),
        ("12.990", "EUR", 1299),
        ("-0.00", "EUR", 0),
        ("1e2", "JPY", 100),
        ("1.234", "kwd ", 1234),
    ],
)
def test_money_is_a_whole_number_of_minor_units_and_back(amount: str, currency: str, minor: int) -> None:
    money = Money(amount=Decimal(amount), currency=currency)
    assert money.minor == minor
    assert Money.from_minor(minor, money.currency).amount == money.amount


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "EUR"),
        ("0.1", "JPY"),
        ("1", "XXQ"),
        ("1", "EURO"),
        ("NaN", "EUR"),
        ("Infinity", "EUR"),
        ("9" * 19, "JPY"),
        ("9" * 17, "EUR"),
        ("-" + "9" * 17, "EUR"),
    ],
)
def test_money_that_cannot_be_counted_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValidationError):
        Money(amount=Decimal(amount), currency=currency)


def test_the_most_that_can_be_counted_fits_a_signed_64_bit_integer() -> None:
    assert Money.from_minor(MOST_MINOR, "EUR").minor == MOST_MINOR < 2**63
    with pytest.raises(ValidationError, match="more than 18 digits"):
        Money(amount=Decimal(MOST_MINOR + 1).scaleb(-2), currency="EUR")


@pytest.mark.parametrize("value", ["", " ", "null", "None", "UNDEFINED", " nan ", "N/A", "-", "(null)"])
def test_what_stands_for_no_value_is_no_identifier(value: str) -> None:
    with pytest.raises(ValidationError):
        Identifier(kind="email", value=value)


def test_an_identifier_is_stripped_and_keyed_by_kind_and_value() -> None:
    assert Identifier(kind="email", value=" ada@example.org\n").key == "email:ada@example.org"


def test_strength_goes_from_customer_to_anonymous_and_unknown_kinds_come_last() -> None:
    kinds = ["crm", "anonymous", "device", "order", "phone", "email", "loyalty", "customer"]
    left = [Identifier(kind=kind, value="x") for kind in kinds]
    found = []
    while (best := strongest(left)) is not None:
        found.append(best.kind)
        left.remove(best)
    assert found == ["customer", "loyalty", "email", "phone", "order", "device", "anonymous", "crm"]


def test_among_equals_the_least_value_is_the_strongest() -> None:
    values = [Identifier(kind="email", value=value) for value in ("b", "a", "c")]
    assert strongest(values) == Identifier(kind="email", value="a")
    assert strongest([]) is None


def test_a_senders_uuid_is_the_event_id_and_anything_else_is_derived_from_source_and_id() -> None:
    given = "6b0f6a52-0d0e-5c39-9d3c-5f5f3e1c7a10"
    assert event_id("shop", given) == UUID(given)
    assert event_id("shop", "17") == derived_id("event", "shop", "17") != event_id("pos", "17")


def test_the_ids_that_were_given_out_stay_the_same_for_ever() -> None:
    assert str(profile_id("customer:visitor-18")) == "78b9818b-d077-50ed-9f13-b2efaa7af343"
    assert str(event_id("pos", "318/4/2017-03-18/1177")) == "cf49f22d-851d-5212-a886-44df419c50e8"


def test_the_topics_settings_are_as_kafka_names_them() -> None:
    month, quarter = str(30 * 86_400_000), str(90 * 86_400_000)
    assert {topic.name: topic.settings() for topic in topics.TOPICS} == {
        f"touchpath.{name}": {"cleanup.policy": "delete", "retention.ms": retention}
        for name, retention in {
            "collected": month, "quarantine": quarter, "resolved": month, "journeys": month,
            "conversions": month, "credits": quarter, "marks": month, "identity": month, "profiles": month,
        }.items()
    } | {"touchpath.models": {"cleanup.policy": "compact", "retention.ms": "-1"}}  # fmt: skip


def test_a_topic_that_keeps_for_ever_says_so_and_its_own_settings_win() -> None:
    topic = topics.Topic(
        "x", "k", topics.COLLECTED.model, 1, None, (), (), cleanup="compact", config={"segment.ms": "1"}
    )
    assert topic.settings() == {"cleanup.policy": "compact", "retention.ms": "-1", "segment.ms": "1"}


def test_topic_names_are_unique_and_every_topic_has_somebody_on_both_ends() -> None:
    assert len(topics.BY_NAME) == len(topics.TOPICS)
    assert all(topic.writers and topic.readers for topic in topics.TOPICS)
