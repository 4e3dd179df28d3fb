"""The door for Snowplow's trackers: POST of events, and the pixel.

Trackers send no key. So the application's id stands for one, where the operator has said so for a write key
(`snowplow_app_ids`); a tracker whose address can be changed may also say `?key=`. A request comes from one tracker: its
first known application decides, and all of its events come under that key.

Whatever could be read is answered 200, also what is quarantined: nothing that a tracker could send again would be
better. 413 is never answered, since trackers take it for a passing fault.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from starlette.responses import Response

from producers.adapters.adapter import Context, HookRequest, Piece
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.sender import Sender
from producers.adapters.web.snowplow.adapter import ADAPTER
from producers.adapters.web.snowplow.payload import app_id_of, pieces
from producers.collector.door import Arrived, Door, tell
from producers.collector.hooks import AT_A_TIME, hook_request, presented_key
from producers.collector.refusal import Refusal
from producers.collector.tally import outcome_of_refusal
from producers.settings import HookSettings, WriteKey
from schemas.outcome import Outcome

#: One transparent dot.
PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
ANY = "*"


def key_of_app(keys: Sequence[WriteKey], app_ids: Sequence[str], now: datetime) -> str | None:
    """Give the write key that the first known application stands for, else the key of all others, else None.

    Of two keys that take turns, the one that opens now.
    """
    for wanted in (*app_ids, ANY):
        for key in keys:
            if wanted in key.snowplow_app_ids and key.opens_at(now):
                return key.key.get_secret_value()
    return None


def _request(arrived: Arrived) -> HookRequest:
    return hook_request(arrived.request, arrived.body, HookSettings())


def _key_inside(arrived: Arrived) -> str | None:
    services = arrived.services
    # Whose it is, is not known before it is split; splitting asks for the limits only.
    context = Context(Sender("", ""), arrived.received_at, services.catalogue, services.limits)
    keep = services.limits.quarantined_bytes
    found: list[Piece] = []
    try:
        for piece in pieces(_request(arrived), context):
            if len(found) >= services.settings.max_batch_events:
                raise Problem("$", f"more than {services.settings.max_batch_events} events")
            found.append(piece)
        arrived.parsed = found
    except Problem as problem:
        raw = arrived.body or arrived.request.url.query.encode()
        arrived.parsed = Refusal(400, "bad_body", str(problem), raw=raw[:keep])
        found = []
    app_ids = dict.fromkeys(app_id for piece in found if (app_id := app_id_of(piece)) is not None)
    known = [app_id for app_id in app_ids if app_id != ANY]
    return key_of_app(services.settings.write_keys, known, arrived.received_at)


async def _translate(arrived: Arrived) -> Sequence[Outcome]:
    context = arrived.context
    if "sp-anonymous" in arrived.request.headers:  # the visitor wants no address kept, not even a cut one
        context = replace(context, sender=replace(context.sender, ip=None))
    if isinstance(arrived.parsed, Refusal):
        return [outcome_of_refusal(arrived.parsed, context.sender, arrived.received_at, context.limits)]
    outcomes: list[Outcome] = []
    for piece in arrived.parsed:
        if len(outcomes) % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)  # let the other requests go on
        outcomes.append(outcome_of(ADAPTER, piece, context))
    return outcomes


def _pixel(arrived: Arrived, outcomes: Sequence[Outcome]) -> Response:
    if arrived.request.method == "GET":
        return Response(PIXEL, media_type="image/gif", headers={"Cache-Control": "no-cache, no-store, must-revalidate"})
    return tell(arrived, outcomes)


_ABOUT = "Snowplow's trackers: "

DOORS = (
    Door(
        name="snowplow",
        paths=("/com.snowplowanalytics.snowplow/tp2",),
        about=_ABOUT + "events by POST, with the key that their application's id stands for",
        key_outside=presented_key,
        key_inside=_key_inside,
        translate=_translate,
        example='{"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", '
        '"data": [{"e": "pv", "aid": "shop", "p": "web", "url": "https://shop.example/tea", "page": "Tea"}]}',
    ),
    Door(
        name="snowplow_pixel",
        paths=("/i", "/ice.png"),
        about=_ABOUT + "one event in the query of an image, or a list of them by POST",
        methods=("GET", "POST"),
        key_outside=presented_key,
        key_inside=_key_inside,
        translate=_translate,
        answer=_pixel,
        names=lambda _request: ("snowplow",),
        example='[{"e": "pv", "aid": "shop", "p": "web", "url": "https://shop.example/tea"}]',
        answers={200: {"image/gif": "a transparent dot, to a GET", "application/json": "the tally, to a POST"}},
    ),
)
