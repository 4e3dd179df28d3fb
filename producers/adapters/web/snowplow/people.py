"""Who a Snowplow event says it was.

`uid` → customer; `duid` (first-party cookie) and `nuid`, `tnuid` (the network's) → anonymous. Of the entities: a shop's
`user` → customer, unless a guest, and email; `client_session` → anonymous. A session's id stands for the visitor only
where nothing else does, which is how a tracker without cookies keeps one visit together.
"""

from producers.adapters.payload import Node
from producers.adapters.person import email
from producers.adapters.web.snowplow.entities import Entity
from schemas.identifier import Identifier

_ANONYMOUS = ("duid", "nuid", "tnuid")
#: What a tracker writes that is told to hide the device.
_NOBODY = "00000000-0000-0000-0000-000000000000"


def identifiers_of(event: Node, entities: list[Entity]) -> list[Identifier]:
    """Give the identifiers, each once.

    Raises:
        Problem: one of them is of the wrong kind.
    """
    found: dict[tuple[str, str], None] = {}

    def add(kind: str, value: str | None) -> None:
        if value is not None and value != _NOBODY:
            found[kind, value] = None

    add("customer", event.text("uid"))
    for name in _ANONYMOUS:
        add("anonymous", event.text(name))
    for entity in entities:
        if entity.name == "user" and entity.vendor.startswith("com.snowplowanalytics."):
            if entity.data.values.get("is_guest") is not True:
                add("customer", entity.data.text("id"))
            add("email", email(entity.data.text("email")))
        elif entity.name == "client_session":
            add("anonymous", entity.data.text("userId"))
    if not found:
        add("anonymous", _session(event, entities))
    return [Identifier(kind=kind, value=value) for kind, value in found]


def _session(event: Node, entities: list[Entity]) -> str | None:
    if (own := event.text("sid")) is not None:
        return own
    for entity in entities:
        if entity.name == "client_session" and (own := entity.data.text("sessionId")) is not None:
            return own
    return None
