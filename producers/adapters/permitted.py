"""What a write key may send, asked of each event, so that what it may not leaves its neighbours alone. Pure.

A public key stands in a page, where anybody can read it. It may say what was seen and done on the web, and who the
visitor is; it may not speak for the mailing system, the hotline or the tills, take money back, or tie several people
into one. (What it says of purchases is taken as unverified, by `Sender.public`.)
"""

from collections import Counter

from producers.adapters.problem import Problem
from producers.adapters.sender import Sender
from schemas.catalogue import Catalogue
from schemas.touchpoint import Touchpoint

#: Channels that have systems of their own to speak for them.
PRIVATE_CHANNELS = frozenset({"email", "hotline", "store"})
#: Kinds of which a person at a browser has one.
ONE_EACH = frozenset({"customer", "loyalty", "email", "phone"})


def permit_call(sender: Sender, call: str, path: str) -> None:
    """Let a call pass (`track`, `page`, …), as the sender's key allows.

    Raises:
        Problem: it does not.
    """
    if sender.calls is not None and call not in sender.calls:
        raise Problem(path, f"the write key may not send {call}; it may send {', '.join(sorted(sender.calls))}")


def permitted(touchpoint: Touchpoint, sender: Sender, catalogue: Catalogue, path: str) -> Touchpoint:
    """Give the touchpoint back if the sender's key may send it; `path` is the event's.

    Raises:
        Problem: it may not.
    """
    name = touchpoint.touchpoint
    named = sender.touchpoints is not None and (
        name in sender.touchpoints or name.partition(".")[0] in sender.touchpoints
    )
    if sender.touchpoints is not None and not named:
        raise Problem(path, f"the write key may not send the touchpoint {name}")
    if sender.public:
        _permit_public(touchpoint, catalogue, path, named=named)
    return touchpoint


def _permit_public(touchpoint: Touchpoint, catalogue: Catalogue, path: str, *, named: bool) -> None:
    name = touchpoint.touchpoint
    if catalogue.takes_back(name) or (touchpoint.amount is not None and touchpoint.amount.amount < 0):
        raise Problem(path, f"{name} takes money back, which a public write key may not")
    if not named:  # an operator who names it has decided
        entry = catalogue.entry(name)
        channel = touchpoint.channel if entry is None else entry.channel
        if channel in PRIVATE_CHANNELS or touchpoint.body.kind in {"hotline", "store"}:
            raise Problem(path, f"{name} belongs to a channel that a public write key may not speak for")
    kinds = Counter(identifier.kind for identifier in touchpoint.identifiers)
    for kind in ONE_EACH:
        if kinds[kind] > 1:
            raise Problem(
                path, f"names {kinds[kind]} identifiers of the kind {kind}; with a public write key one is taken"
            )
