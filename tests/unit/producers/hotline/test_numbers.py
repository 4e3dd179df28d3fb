"""A number names its owner, unless it is withheld, the house's own, or no full number."""

from __future__ import annotations

import pytest

from producers.adapters.hotline.numbers import Number, number_of
from producers.settings import IdentifierSettings, SourceSettings
from tests.unit.producers.hotline.taking import SENDER, context

WITHHELD = (
    *("anonymous", "Anonymous", "Restricted", "PRIVATE", "unavailable", "Unknown", "withheld", "unbekannt"),
    *("+266696687", "266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "0000000000", "0", "+000"),
    *("sip:anonymous@anonymous.invalid", '"Anonymous" <anonymous>', "tel:anonymous", "1111111111"),
)


@pytest.mark.parametrize("text", WITHHELD)
def test_a_withheld_number_names_nobody(text: str) -> None:
    assert number_of(text, SENDER) == Number(withheld=True)
    assert number_of(text, context(phone_region=None).sender) == Number(withheld=True)


@pytest.mark.parametrize(
    "text",
    [
        *("+493012345678", "030 12345678", "tel:+493012345678", "sip:+493012345678@host.example;user=phone"),
        *('"Ada" <+493012345678>', "whatsapp:+493012345678", "0049 30 12345678", "sip:03012345678@10.0.0.1"),
    ],
)
def test_a_number_is_the_same_in_every_writing(text: str) -> None:
    assert number_of(text, SENDER) == Number(person="+493012345678")


@pytest.mark.parametrize("text", ["030 999900", "+4930999900", "sip:+4930999900@pbx", "+4989555123", "089 555-7"])
def test_a_switchboard_is_kept_but_names_nobody(text: str) -> None:
    number = number_of(text, SENDER)
    assert number.person is None
    assert number.house is not None
    assert number.properties() == {"number": number.house}


@pytest.mark.parametrize("text", ["8007", "17", "SOFTPHONE_A", "s", "*43"])
def test_an_extension_is_kept_but_names_nobody(text: str) -> None:
    assert number_of(text, SENDER) == Number(house=text)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_number_says_nothing(text: str | None) -> None:
    assert number_of(text, SENDER) == Number()
    assert Number().properties() == {}


def test_without_a_region_a_number_stays_as_digits() -> None:
    assert number_of("030 12345678", context(phone_region=None).sender) == Number(person="03012345678")


def test_the_settings_of_a_source_name_its_switchboards() -> None:
    settings = SourceSettings(source="hotline", phone_region="DE", switchboards=("030 999900",))
    assert number_of("+49 30 999900", settings.sender("x", IdentifierSettings())) == Number(house="+4930999900")
