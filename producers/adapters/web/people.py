"""Who an event says it was: the identifiers of Segment's payload, without blanks."""

import re

from producers.adapters.problem import Problem
from producers.adapters.web.payload import Node
from schemas.identifier import Identifier

#: A group's traits describe the group: its e-mail address is nobody's.
_GROUP = "group"
LIMIT = 50


def identifiers_of(event: Node, kind: str) -> tuple[Identifier, ...]:
    """Give the identifiers, each once, in the order in which Segment's payload names them.

    `userId` → customer; `anonymousId` (and the `previousId` of an alias) → anonymous; traits and context.traits →
    email, phone, loyalty; context.externalIds → their own type.

    Raises:
        Problem: one of them is of the wrong kind.
    """
    context = event.child("context")
    found: dict[tuple[str, str], None] = {}

    def add(name: str, value: str | None) -> None:
        if value is not None:
            found[name, value] = None

    user, anonymous = event.text("userId"), event.text("anonymousId")
    add("customer", user)
    add("anonymous", anonymous)
    if kind == "alias" and (previous := event.text("previousId")) != user:
        add("anonymous", previous)
    for traits in (context.child("traits"), Node({}, "") if kind == _GROUP else event.child("traits")):
        if not traits.values:
            continue
        add("email", email(traits.text("email")))
        add("phone", phone(traits.text("phone")))
        add("loyalty", traits.first_text(("loyalty_id", "loyaltyId")))
    for external in context.children("externalIds"):
        add(*_external(external))
    if len(found) > LIMIT:
        raise Problem(context.at("externalIds"), f"more than {LIMIT} identifiers")
    return tuple(Identifier(kind=name, value=value) for name, value in found)


def email(text: str | None) -> str | None:
    """Give the address in lower case; None for what is no address: it would identify everybody who wrote the same."""
    if text is None or "@" not in text.strip("@"):
        return None
    return text.lower()


def phone(text: str | None) -> str | None:
    """Give `+` and digits where the number is international, else the text as it is."""
    if text is None or not text.startswith("+"):
        return text
    digits = re.sub(r"\D", "", text)
    return f"+{digits}" if digits else None


def _external(external: Node) -> tuple[str, str | None]:
    kind = external.text("type", 50)
    if kind is None:
        raise Problem(external.at("type"), "required, but missing or blank")
    name = re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_")
    if not name or not name[0].isalpha():
        raise Problem(external.at("type"), "not a name: it must begin with a letter")
    value = external.text("id")
    cleaned = {"email": email, "phone": phone}.get(name)
    return name, cleaned(value) if cleaned else value
