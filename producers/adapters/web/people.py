"""Who an event says it was: the identifiers of Segment's payload, without blanks."""

import re

from producers.adapters.payload import Node
from producers.adapters.person import email, phone
from producers.adapters.problem import Problem
from schemas.identifier import Identifier

#: A group's traits describe the group: its e-mail address is nobody's.
_GROUP = "group"
LIMIT = 50


def identifiers_of(event: Node, kind: str, region: str | None = None) -> tuple[Identifier, ...]:
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
        add("phone", phone(traits.text("phone"), region))
        add("loyalty", traits.first_text(("loyalty_id", "loyaltyId")))
    for external in context.children("externalIds"):
        add(*_external(external, region))
    if len(found) > LIMIT:
        raise Problem(context.at("externalIds"), f"more than {LIMIT} identifiers")
    return tuple(Identifier(kind=name, value=value) for name, value in found)


def _external(external: Node, region: str | None) -> tuple[str, str | None]:
    kind = external.text("type", 50)
    if kind is None:
        raise Problem(external.at("type"), "required, but missing or blank")
    name = re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_")
    if not name or not name[0].isalpha():
        raise Problem(external.at("type"), "not a name: it must begin with a letter")
    value = external.text("id")
    if name == "email":
        return name, email(value)
    return name, phone(value, region) if name == "phone" else value
