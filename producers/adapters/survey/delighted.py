"""Delighted's webhooks, and those of tools that send the same: one answer a request, with the score, then the comment.

An answer is created with its score and updated when the comment is written: the second is `survey_changed` of the same
`response`. Properties of the person say what it is about (`touchpoint_id`, `Order ID`, `ticket_id`).

Format: https://app.delighted.com/docs/api/webhooks
"""

from decimal import Decimal
from typing import Any

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.amounts import decimal_of
from producers.adapters.loose import Loose, identifiers_of
from producers.adapters.moments import parsed
from producers.adapters.payload import Node
from producers.adapters.person import email, identifiers, phone
from producers.adapters.pieces import body_pieces
from producers.adapters.problem import Problem
from producers.adapters.survey import signatures
from producers.adapters.survey.answer import about_of, own_id, scored
from schemas.bodies import Metric, SurveyBody

#: What happened → (touchpoint, the fields that say when).
_EVENTS = {
    "survey_response.created": ("survey", ("created_at",)),
    "survey_response.updated": ("survey_changed", ("updated_at",)),
    "unsubscribe.created": ("survey_unsubscribed", ("unsubscribed_at", "created_at")),
}
#: Survey type → (metric, scale). Delighted asks its effort score on 1 to 5; thumbs are 0 and 1.
_TYPES: dict[str, tuple[Metric, tuple[int, int]]] = {
    "nps": ("nps", (0, 10)),
    "csat": ("csat", (1, 5)),
    "ces": ("ces", (1, 5)),
    "5-star": ("stars", (1, 5)),
    "stars": ("stars", (1, 5)),
    "smileys": ("other", (1, 5)),
    "thumbs": ("other", (0, 1)),
    "pmf": ("other", (1, 3)),
    "enps": ("other", (0, 10)),
}


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one event."""
    event = Node(piece.value, piece.path)
    kind = event.one_of("event_type", _EVENTS)
    touchpoint, times = _EVENTS[kind]
    data = event.child("event_data")
    when = data.first_present(times) or times[0]
    moment = parsed(data.values.get(when), data.at(when))
    person = data.child("person") if data.values.get("person") is not None else data
    properties = Loose(data.child("person_properties").values, data.at("person_properties"))
    about = about_of((properties,), context)
    response = data.text("id")
    return Draft(
        touchpoint=touchpoint,
        occurred_at=moment,
        at=data.at(when),
        id=_id(event, kind, response, moment.isoformat()),
        identifiers=[
            *identifiers(
                email=email(person.text("email")), phone=phone(person.text("phone_number"), context.sender.phone_region)
            ),
            *identifiers_of((properties,), context.sender.phone_region),
        ],
        order_id=about.order,
        body=SurveyBody(
            **_score(data, needed=touchpoint != "survey_unsubscribed"),
            comment=data.remark("comment"),
            language=properties.text("locale", "language", "Delighted Locale"),
            survey=data.text("survey_type"),
            response=response,
            **about.fields(),
        ),
        properties=_kept(data) | properties.rest(),
    )


def _id(event: Node, kind: str, response: str | None, moment: str) -> str | None:
    if kind == "survey_response.created" and response is not None:
        return own_id("delighted", response)
    stated = event.text("event_id")
    if stated is not None:
        return own_id("delighted", kind, stated)
    return None if response is None else own_id("delighted", kind, response, moment)


def _score(data: Node, *, needed: bool) -> dict[str, Any]:
    if not needed:
        return {"metric": "other"}
    stated = data.text("survey_type")
    if stated is None or stated.lower() not in _TYPES:
        raise Problem(data.at("survey_type"), f"{stated!r} is none of {', '.join(_TYPES)}")
    metric, (low, high) = _TYPES[stated.lower()]
    path = data.at("score")
    return scored(metric, decimal_of(data.values.get("score"), path), path, (Decimal(low), Decimal(high)))


def _kept(data: Node) -> dict[str, Any]:
    kept = {name: data.values.get(name) for name in ("tags", "permalink", "additional_answers")}
    return {name: value for name, value in kept.items() if value not in (None, [], {}, "")}


ADAPTER = Adapter(
    name="delighted",
    about="Delighted and tools that send the same: NPS, CSAT, CES, stars, smileys, thumbs",
    area="survey",
    pieces=body_pieces,
    read=read,
    hook=Hook(signature="HMAC-SHA256 over the body (X-Delighted-Webhook-Signature)", verify=signatures.delighted),
)
