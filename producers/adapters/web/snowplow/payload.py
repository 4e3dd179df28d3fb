"""A request of a Snowplow tracker, split into its events: a POST of `payload_data`, or the pixel's query.

All values are strings, by the protocol; numbers are borne.
https://docs.snowplow.io/docs/events/going-deeper/event-parameters/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import orjson

from producers.adapters.adapter import Context, HookRequest, Piece
from producers.adapters.payload import Node
from producers.adapters.pieces import BOM, json_piece, json_value, raw_items
from producers.adapters.problem import Problem
from producers.adapters.sender import Limits

MOST_FIELDS = 1000
#: The visitor's address in a query, which must not lie whole in quarantine; in JSON it is cut there.
_ADDRESS = re.compile(rb"(?<![^&])ip=[^&]*&?")


class _Posted(msgspec.Struct):
    """What a POST says around its events; they stay bytes, so that a bad one is kept as it came."""

    data: list[msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One event, with what only its request knows.

    `lines` are the `ti` events of the same request that belong to this `tr`; a `ti` that does is `folded`: its line
    stands in the order already.
    """

    fields: Mapping[str, Any]
    user_agent: str | None = None
    page: str | None = None
    """The `Referer` of the request: the page of a pixel that cannot say it."""
    lines: tuple[Node, ...] = field(default=())
    folded: bool = False


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Split a request into its events, each with its own bytes. Every one is a piece, also the lines of an order.

    Raises:
        Problem: there is nothing in it, or nothing can be read of it.
    """
    agent, page = request.headers.get("user-agent"), request.headers.get("referer")
    split = list(_split(request, context.limits))
    orders = {_order(piece, "tr", "tr_id") for piece in split}
    lines: dict[str, list[Node]] = {}
    for piece in split:
        if (order := _order(piece, "ti", "ti_id")) is not None and order in orders:
            lines.setdefault(order, []).append(Node(piece.value, piece.path))
    for piece in split:
        if isinstance(piece.value, Problem):
            yield piece
            continue
        order = _order(piece, "tr", "tr_id")
        hit = Hit(
            piece.value,
            agent,
            page,
            tuple(lines.get(order, ())) if order is not None else (),
            _order(piece, "ti", "ti_id") in lines,
        )
        yield Piece(piece.raw, piece.path, hit)


def app_id_of(piece: Piece) -> str | None:
    """Give the application that an event names, which is what stands for a write key at Snowplow's trackers."""
    if isinstance(piece.value, Problem):
        return None
    stated = piece.value.fields.get("aid")
    return stated.strip() or None if isinstance(stated, str) else None


def _order(piece: Piece, kind: str, name: str) -> str | None:
    fields = piece.value
    if isinstance(fields, Problem) or fields.get("e") != kind:
        return None
    order = fields.get(name)
    return order.strip() or None if isinstance(order, str) else None


def _split(request: HookRequest, limits: Limits) -> Iterator[Piece]:
    body = request.body.removeprefix(BOM).strip()
    if not body:
        query = request.url.partition("?")[2].partition("#")[0]
        if not query:
            raise Problem("$", "neither a body nor a query")
        yield _form(query.encode(), limits)
    elif body.startswith(b"["):
        yield from _list(raw_items(body, "$"), "$", limits)
    elif body.startswith(b"{"):
        try:
            posted = msgspec.json.decode(body, type=_Posted).data
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            json_value(body, "$", limits)  # says what is wrong with it
            raise Problem("$.data", "not a list") from None
        if posted is None:  # one event by itself: so it lies in quarantine, and so it is sent again from there
            yield json_piece(body, "$", limits)
        else:
            yield from _list([bytes(raw) for raw in posted], "$.data", limits)
    else:
        yield _form(body, limits)


def _list(raws: list[bytes], path: str, limits: Limits) -> Iterator[Piece]:
    for index, raw in enumerate(raws):
        yield json_piece(raw, f"{path}[{index}]", limits)


def _form(raw: bytes, limits: Limits) -> Piece:
    """Give the piece of a query or form; of a field that comes twice the last counts.

    Trackers write UTF-8; where it is none, pages made by hand wrote Latin-1, in which every byte means something.
    """
    if len(raw) > limits.event_bytes:
        return Piece(raw, "$", {})  # `outcome_of` says that it is too long
    try:
        try:
            pairs = _pairs(raw, "utf-8")
        except UnicodeDecodeError:
            pairs = _pairs(raw, "latin-1")
    except ValueError as error:
        raise Problem("$", f"not a form: {error}") from None
    return Piece(_ADDRESS.sub(b"", raw), "$", dict(pairs))


def _pairs(raw: bytes, encoding: str) -> list[tuple[str, str]]:
    text = raw.decode(encoding)
    return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, encoding=encoding, errors="strict")


def content_of(hit: Hit) -> str:
    """Give what an event without an id says, less what a retry changes and what quarantine cuts, so a replay has it."""
    fields = {name: value for name, value in hit.fields.items() if name not in ("stm", "ip")}
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()
