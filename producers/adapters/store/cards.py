"""Loyalty cards as tills write them."""

from schemas.identifier import Identifier, is_blank


def card(number: str | None) -> list[Identifier]:
    """Give the identifier of a card; none where there is no card.

    Nothing but zeros is no card either: tills write it where a field must have a value, and as an identifier it would
    make one person of everybody without a card.
    """
    if number is None or is_blank(number) or not number.strip().strip("0"):
        return []
    return [Identifier(kind="loyalty", value=number)]
