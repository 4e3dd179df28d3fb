"""What is said of a bad catalogue: the place as the file has it, and the reason in words instead of a pattern."""

from pydantic_core import ErrorDetails

_NAME = "is no name: lower case letters, digits and underscores, a letter first"
#: By the pattern of a type (`schemas.base.Name`, `schemas.money.Currency`, …) what is wrong with a text against it.
WORDS = {
    r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$": f"{_NAME}; dots between parts",
    r"^[a-z][a-z0-9_]*$": _NAME,
    r"^[A-Za-z]{3}$": "is no code of a currency: three letters, as EUR",
    r"^(touchpoint|channel|source|campaign|order_id|amount|currency|properties(\.[^.\s]+)+)$": (
        "is nothing that a touchpoint has: touchpoint, channel, source, campaign, order_id, amount, currency,"
        " or a place in its properties (properties.plan)"
    ),
}


def told(detail: ErrorDetails) -> tuple[list[str], str]:
    """Give the place in the file, part by part, and the reason.

    A rule across sections knows its place itself: its message begins with it.
    """
    where = [str(part) for part in detail["loc"] if part != "[key]"]
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "string_pattern_mismatch":
        words = WORDS.get(detail["ctx"]["pattern"])
        return where, f"{detail['input']!r} {words}" if words else message
    if not where:
        place, _, message = message.partition(": ")
        where = place.split(".")
    return where, message
