"""A bad catalogue is refused with file, line and reason."""

from pathlib import Path

import pytest

from schemas.catalogue import CatalogueError, load, slug

GOOD = """\
version = 1
phases = ["Awareness", "Retention"]
retention_phase = "Retention"
refunds = ["order_refunded"]

[journey]
visit_gap_minutes = 30

[channels]
web = "Website"

[touchpoints.page_view]
label = "Page seen"
phase = "Awareness"
channel = "web"
department = "Marketing"
events = ["Page Viewed"]

[touchpoints.order_completed]
label = "Order"
phase = "Awareness"
channel = "web"
department = "Shop"

[touchpoints.order_refunded]
label = "Refund"
phase = "Retention"
channel = "web"
department = "Shop"

[conversions.purchase]
touchpoints = ["order_completed"]
closing = true
value = "amount"
"""

#: what is written instead, the line that is named, and the beginning of the reason
WRONG = {
    "no TOML": (("version = 1", "version = = 1"), None, "Invalid value (at line 1"),
    "another version": (("version = 1", "version = 2"), 1, "version: Input should be 1"),
    "a field that nobody knows": (("visit_gap_minutes", "visit_gap_minuts"), 7, "journey.visit_gap_minuts: Extra"),
    "a number out of bounds": (("_minutes = 30", "_minutes = 0"), 7, "journey.visit_gap_minutes: Input should be gr"),
    "a word for a number": (("_minutes = 30", '_minutes = "half"'), 7, "journey.visit_gap_minutes: Input should be"),
    "a retention phase that is none": (
        ('phase = "Retention"\nrefunds', 'phase = "After"\nrefunds'),
        3,
        "retention_phase: 'After'",
    ),
    "a phase that is none": (
        ('seen"\nphase = "Awareness"', 'seen"\nphase = "Love"'),
        14,
        "touchpoints.page_view.phase: 'Love'",
    ),
    "a channel that is none": (
        ('ness"\nchannel = "web"\ndepartment = "M', 'ness"\nchannel = "fax"\ndepartment = "M'),
        15,
        "touchpoints.page_view.channel: 'fax'",
    ),
    "a conversion without its touchpoint": (
        ('["order_completed"]', '["order_complete"]'),
        32,
        "conversions.purchase.touchpoints: there is no touchpoint",
    ),
    "no touchpoint at all": (('["order_completed"]', "[]"), 32, "conversions.purchase.touchpoints: Tuple should have"),
    "a touchpoint that reaches two": (
        ('value = "amount"\n', 'value = "amount"\n[conversions.sale]\ntouchpoints = ["order_completed"]\n'),
        36,
        "conversions.sale.touchpoints: 'order_completed' already reaches 'purchase'",
    ),
    "a refund that is none": (
        ('refunds = ["order_refunded"]', 'refunds = ["money_back"]'),
        4,
        "refunds: there is no touchpoint 'money_back'",
    ),
    "an event that stands for two": (
        (
            'department = "Shop"\n\n[touchpoints.order_r',
            'department = "Shop"\nevents = ["page viewed"]\n\n[touchpoints.order_r',
        ),
        24,
        "touchpoints.order_completed.events: 'page viewed' already stands for 'page_view'",
    ),
    "a name with capitals": (("[touchpoints.page_view]", "[touchpoints.PageView]"), 12, "touchpoints.PageView"),
    "a value of no kind": (('value = "amount"', 'value = "margin"'), 34, "conversions.purchase.value: Input should be"),
    "a section that is missing": (("[channels]\nweb", "[chanels]\nweb"), None, "channels: Field required"),
}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_good_one_is_good(tmp_path: Path) -> None:
    assert load(written(tmp_path, GOOD)).conversion_of == {"order_completed": "purchase"}


@pytest.mark.parametrize(("change", "line", "reason"), WRONG.values(), ids=WRONG)
def test_a_bad_catalogue_is_refused_with_line_and_reason(
    tmp_path: Path, change: tuple[str, str], line: int | None, reason: str
) -> None:
    assert GOOD.count(change[0]) == 1
    path = written(tmp_path, GOOD.replace(*change))
    with pytest.raises(CatalogueError) as refused:
        load(path)
    message = str(refused.value)
    assert message.startswith(f"{path}:{line}: " if line else f"{path}:")
    assert reason in message


def test_a_missing_file_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        load(tmp_path / "nowhere.toml")
    path = tmp_path / "catalogue.toml"
    path.write_bytes(b"version = 1 # \xff")
    with pytest.raises(CatalogueError, match=r"is not UTF-8 \(byte 14\)"):
        load(path)


@pytest.mark.parametrize("event", ["Order Completed", "order_completed", "ORDER-COMPLETED", "orderCompleted"])
def test_event_names_are_compared_without_case_blanks_and_strokes(event: str) -> None:
    assert load().touchpoint_named(event) == "order_completed"


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("Watched Trailer!", "watched_trailer"),
        ("videoStarted", "video_started"),
        ("3 steps", "event_3_steps"),
        ("???", "event"),
    ],
)
def test_an_event_that_nobody_knows_gets_a_name_of_its_own(event: str, name: str) -> None:
    assert slug(event) == name
