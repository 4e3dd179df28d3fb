"""Typeform's webhooks: one form a request; each scored answer in it is one piece.

A question's `ref` says what it measures: one that holds the word nps, csat, ces or stars (`nps_after_call`) is of that
metric. Without such a word a question of the type `nps` is NPS, `rating` is stars and `opinion_scale` is
another scale. Hidden fields say who answered and what about (`customer_id`, `email`, `touchpoint_id`, `order_id`,
`ticket_id`). The first text answer behind a score is its comment.

Format: https://www.typeform.com/developers/webhooks/example-payload/
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, Piece
from producers.adapters.amounts import decimal_of
from producers.adapters.loose import Loose, identifiers_of
from producers.adapters.moments import parsed
from producers.adapters.payload import Node
from producers.adapters.person import email, identifiers, phone
from producers.adapters.pieces import json_value
from producers.adapters.problem import Problem
from producers.adapters.survey import signatures
from producers.adapters.survey.answer import about_of, metric_in, own_id, scored
from schemas.bodies import SurveyBody
from schemas.identifier import Identifier

_EVENTS = {"form_response": "survey", "form_response_partial": "survey_started"}
_SCALES = ("opinion_scale", "rating", "nps")
#: A form has at most so many scored answers; one with more is one bad piece.
MOST = 200


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give one piece for each scored answer; one without an answer where the form has none."""
    payload = json_value(request.body, "$", context.limits)
    if not isinstance(payload, dict):
        raise Problem("$", "not an object")
    places = _scored_places(payload)
    if len(places) > MOST:
        yield Piece(request.body, "$", Problem("$.form_response.answers", f"more than {MOST} scored answers"))
        return
    for place in places or [None]:
        yield Piece(request.body, "$", {"payload": payload, "answer": place})


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one scored answer."""
    place: int | None = piece.value["answer"]
    event = Node(piece.value["payload"], piece.path)
    kind = event.one_of("event_type", _EVENTS)
    form = event.child("form_response")
    token = form.text("token")
    if token is None:
        raise Problem(form.at("token"), "required, but missing or blank")
    when = form.first_present(("submitted_at", "landed_at")) or "submitted_at"
    answers = form.children("answers")
    response = token if place is None else f"{token}/{_question(answers[place])}"
    hidden = Loose(form.child("hidden").values, form.at("hidden"))
    about = about_of((hidden,), context)
    behind = answers if place is None else answers[place + 1 :]
    return Draft(
        touchpoint=_EVENTS[kind],
        occurred_at=parsed(form.values.get(when), form.at(when)),
        at=form.at(when),
        id=own_id("typeform", response, kind),
        identifiers=[*identifiers_of((hidden,), context.sender.phone_region), *_named_in(answers, context)],
        order_id=about.order,
        body=SurveyBody(
            **({"metric": "other"} if place is None else _score(form, answers[place])),
            comment=next((text for answer in behind if (text := answer.remark("text"))), None),
            language=hidden.text("language", "lang", "locale"),
            survey=form.text("form_id"),
            response=response,
            **about.fields(),
        ),
        properties=_kept(form, answers) | hidden.rest(),
    )


def _scored_places(payload: dict[str, Any]) -> list[int | None]:
    form = payload.get("form_response")
    answers = form.get("answers") if isinstance(form, dict) else None
    return [place for place, answer in enumerate(answers if isinstance(answers, list) else ()) if _is_scored(answer)]


def _is_scored(answer: Any) -> bool:
    if not isinstance(answer, dict) or answer.get("type") != "number":
        return False
    field = answer.get("field")
    if not isinstance(field, dict):
        return False
    ref = field.get("ref")
    return field.get("type") in _SCALES or metric_in(ref if isinstance(ref, str) else None) is not None


def _question(answer: Node) -> str:
    field = answer.child("field")
    name = field.text("ref") or field.text("id")
    if name is None:
        raise Problem(field.at("ref"), "required, but missing or blank")
    return name


def _score(form: Node, answer: Node) -> dict[str, Any]:
    path = answer.at("number")
    score = decimal_of(answer.values.get("number"), path)
    field = answer.child("field")
    metric, scale = metric_in(field.text("ref")), _scale(form, field)
    if metric is None and field.text("type") == "nps":
        metric = "nps"
    if metric is None and field.text("type") == "rating":
        if scale is None:  # five steps is only Typeform's default: nobody says how many these are
            return {"metric": "stars", "score": score}
        metric = "stars"
    return scored(metric or "other", score, path, scale)


def _scale(form: Node, field: Node) -> tuple[Decimal, Decimal] | None:
    """Give the scale where the form's definition tells its steps."""
    for defined in form.child("definition").children("fields"):
        if defined.values.get("id") == field.values.get("id"):
            properties = defined.child("properties")
            steps = properties.values.get("steps", defined.values.get("steps"))
            if not isinstance(steps, int) or isinstance(steps, bool) or not 2 <= steps <= 11:
                return None
            one = field.text("type") == "rating" or properties.values.get("start_at_one") is True
            return (Decimal(1), Decimal(steps)) if one else (Decimal(0), Decimal(steps - 1))
    return None


def _named_in(answers: list[Node], context: Context) -> list[Identifier]:
    """Give the addresses and numbers that people wrote into the form."""
    found: list[Identifier] = []
    for answer in answers:
        found += identifiers(
            email=email(answer.text("email")), phone=phone(answer.text("phone_number"), context.sender.phone_region)
        )
    return found


def _kept(form: Node, answers: list[Node]) -> dict[str, Any]:
    """Keep the other answers but addresses and numbers of people."""
    told = {
        _question(answer): answer.values[kind]
        for answer in answers
        if (kind := answer.text("type")) is not None
        and kind not in {"email", "phone_number"}
        and answer.values.get(kind) is not None
    }
    kept = {"title": form.child("definition").remark("title"), "landed_at": form.remark("landed_at"), "answers": told}
    return {name: value for name, value in kept.items() if value}


ADAPTER = Adapter(
    name="typeform",
    about="Typeform: forms with NPS, ratings and opinion scales",
    area="survey",
    pieces=pieces,
    read=read,
    hook=Hook(signature="HMAC-SHA256 over the body (Typeform-Signature)", verify=signatures.typeform),
)
