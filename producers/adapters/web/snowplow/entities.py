"""Self-describing JSON of Snowplow: the event of a `ue`, and the entities (contexts) that stand beside any event.

Either is sent plain (`ue_pr`, `co`) or as base64 for URLs (`ue_px`, `cx`), with padding or without.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from producers.adapters.payload import Node
from producers.adapters.pieces import json_value
from producers.adapters.problem import Problem
from producers.adapters.sender import Limits

_SCHEMA = re.compile(r"(?:iglu:)?([A-Za-z0-9_.-]+)/([A-Za-z0-9_-]+)/[A-Za-z0-9_-]+/(\d+(?:-\d+)*|[^/]{0,20})")


@dataclass(frozen=True, slots=True)
class Entity:
    """One self-describing JSON: `vendor` and `name` of its schema, and the data with its path."""

    schema: str
    vendor: str
    name: str
    data: Node


def event_of(event: Node, limits: Limits) -> Entity:
    """Give what a self-describing event says.

    Raises:
        Problem: it is missing, cannot be decoded, or names no schema.
    """
    outer = _decoded(event, "ue_pr", "ue_px", limits)
    if outer is None:
        raise Problem(event.at("ue_pr"), "required (or ue_px), but missing or blank")
    inner = outer.values.get("data")
    if not isinstance(inner, dict):
        raise Problem(outer.at("data"), "not an object")
    return _entity(Node(inner, outer.at("data")))


def entities_of(event: Node, limits: Limits) -> list[Entity]:
    """Give the entities beside an event, in their order.

    Raises:
        Problem: they cannot be decoded, or one names no schema.
    """
    outer = _decoded(event, "co", "cx", limits)
    return [_entity(node) for node in outer.children("data")] if outer is not None else []


def _decoded(event: Node, plain: str, packed: str, limits: Limits) -> Node | None:
    for name in (plain, packed):
        value = event.values.get(name)
        if value is None or value == "":
            continue
        path = event.at(name)
        if not isinstance(value, dict):  # some senders of plain JSON do not write it as text
            if not isinstance(value, str):
                raise Problem(path, "not text")
            raw = _unpacked(value, path) if name == packed else value.encode()
            value = json_value(raw, path, limits)
        if not isinstance(value, dict):
            raise Problem(path, "not an object")
        return Node(value, path)
    return None


def _unpacked(text: str, path: str) -> bytes:
    # A form turns `+` into a blank, and some trackers write the common alphabet.
    plain = text.strip().rstrip("=").replace(" ", "-").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Problem(path, "not base64") from None


def _entity(node: Node) -> Entity:
    schema = node.values.get("schema")
    match = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if match is None:
        raise Problem(node.at("schema"), "not the address of a schema: iglu:vendor/name/jsonschema/1-0-0")
    return Entity(match[0], match[1], match[2], node.child("data"))


def by_name(entities: list[Entity]) -> dict[str, Any]:
    """Give the data of the entities by name: one object, or a list where there are several of one name."""
    found: dict[str, Any] = {}
    for entity in entities:
        data = dict(entity.data.values)
        if entity.name not in found:
            found[entity.name] = data
        elif isinstance(found[entity.name], list):
            found[entity.name].append(data)
        else:
            found[entity.name] = [found[entity.name], data]
    return found
