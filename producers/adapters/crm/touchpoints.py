"""Touchpoints in our own envelope, for whoever can write it: webhook, JSON lines, CSV, or an existing topic.

A JSON object is a `schemas.touchpoint.Touchpoint` with less: only `touchpoint` and `occurred_at` are required. The
source is the sender's own, whatever the object says, and the time of arrival is ours; `verified` may be said to be
false, and true changes nothing. In CSV a dot goes into an object (`amount.amount`, `campaign.name`, `body.kind`,
`properties.shelf`), and `identifier.email` is one identifier.

Providers write what their forms were given, so what is no address there is left out. This envelope is written for us:
an identifier in it that identifies nobody (`email` without an @) is an error, and quarantined as one.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.loose import file_rows, hook_rows
from producers.adapters.moments import parsed
from producers.adapters.payload import Node
from producers.adapters.problem import Problem
from producers.identity_text import normalised, why_not
from schemas.base import event_id
from schemas.touchpoint import Touchpoint

#: What a door says for itself.
_OURS = ("source", "received_at", "event_id")
_ROOTS = ("amount", "campaign", "body", "properties")


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one touchpoint."""
    values = _nested(piece.value, piece.path)
    stated = Node(values, piece.path)
    id_, source = stated.text("event_id"), stated.text("source")
    fields = {name: value for name, value in values.items() if name not in _OURS and value is not None}
    if "touchpoint" not in fields:
        raise Problem(stated.at("touchpoint"), "required, but missing or blank")
    if "occurred_at" not in fields:
        raise Problem(stated.at("occurred_at"), "required, but missing or blank")
    # What is not stated is found in `finish`; here the contract checks what is.
    missing = {"channel": "web", "body": {"kind": "other"}}
    checked = Touchpoint.model_validate(
        {
            **missing,
            **fields,
            "event_id": event_id(context.sender.source, id_ or ""),
            "source": context.sender.source,
            "occurred_at": context.received_at,
            "received_at": context.received_at,
        }
    )
    for index, one in enumerate(checked.identifiers):
        if normalised(one.kind, one.value, context.sender.rules, context.sender.phone_region) is None:
            raise Problem(f"{piece.path}.identifiers[{index}].value", why_not(one.kind, one.value))
    properties = dict(checked.properties)
    if source is not None and source != context.sender.source:
        properties.setdefault("original_source", source)
    return Draft(
        touchpoint=checked.touchpoint,
        channel=checked.channel if "channel" in fields else None,
        occurred_at=parsed(fields["occurred_at"], stated.at("occurred_at")),
        at=stated.at("occurred_at"),
        id=id_,
        identifiers=list(checked.identifiers),
        campaign=checked.campaign,
        order_id=checked.order_id,
        amount=checked.amount,
        name=checked.name,
        body=checked.body if "body" in fields else None,
        properties=properties,
        verified=checked.verified,
    )


def _nested(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Give the values with dotted names put into objects; blank cells are none. The piece's own stay as they are."""
    if not any("." in name or value == "" for name, value in values.items()):
        return dict(values)
    found: dict[str, Any] = {}
    for name, value in values.items():
        if value == "":
            continue
        root, _, rest = name.partition(".")
        if not rest:
            holder, last = found, name
        elif root == "identifier":
            found.setdefault("identifiers", [])
            if not isinstance(found["identifiers"], list):
                raise Problem(f"{path}.identifiers", "not a list")
            found["identifiers"].append({"kind": rest, "value": value})
            continue
        elif root in _ROOTS:
            holder, last = found.setdefault(root, {}), rest
        else:
            raise Problem(f"{path}.{name}", "not a column: a dot stands behind amount, campaign, body, properties only")
        if not isinstance(holder, dict) or last in holder:
            raise Problem(f"{path}.{name}", "said twice")
        holder[last] = copy(value)
    return found


ADAPTER = Adapter(
    name="touchpoints",
    about="Touchpoints in our own envelope: webhook, JSON lines, CSV, or an existing topic",
    area="any",
    pieces=hook_rows,
    file=file_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
