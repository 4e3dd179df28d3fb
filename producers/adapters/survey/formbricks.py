"""Formbricks' webhooks: responses as they are created, updated and finished; each scored answer is one piece.

The payload does not say what a question measures, so its id does: one that holds the word nps, csat, ces or stars
(`nps`, `csat_delivery`). Hidden fields stand beside the answers (`touchpoint_id`, `order_id`, `customer_id`, ...), and
so do the attributes of the contact. A survey that is not finished is `survey_started` or `survey_changed`.

Format: https://formbricks.com/docs/xm-and-surveys/core-features/integrations/webhooks
Before a webhook is saved, Formbricks tries its address with `{"event":"testEndpoint"}`: only then is there a secret.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from producers.adapters.adapter import Adapter, Context, Draft, Hook, HookRequest, HookSecrets, Piece
from producers.adapters.amounts import decimal_of
from producers.adapters.loose import Loose, identifiers_of
from producers.adapters.moments import parsed
from producers.adapters.payload import Node
from producers.adapters.pieces import json_pieces
from producers.adapters.problem import Problem
from producers.adapters.signing import standard_webhooks
from producers.adapters.survey.answer import about_of, metric_in, own_id, scored
from schemas.bodies import SurveyBody

#: What happened → (touchpoint, the field that says when).
_EVENTS = {
    "responseCreated": ("survey_started", "createdAt"),
    "responseUpdated": ("survey_changed", "updatedAt"),
    "responseFinished": ("survey", "updatedAt"),
}
_TRIAL = {"event": "testEndpoint"}
_COMMENTS = ("comment", "feedback", "reason", "why", "remark")
#: A response has at most so many scored answers; one with more is one bad piece.
MOST = 200


def pieces(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Give one piece for each scored answer of each response; one without an answer where a response has none.

    The trial of an address tells of nothing and has no piece.
    """
    if is_trial(request):
        return
    for piece in json_pieces(request.body, context.limits):
        if isinstance(piece.value, Problem):
            yield piece
            continue
        questions = _scored_questions(piece.value)
        if len(questions) > MOST:
            yield Piece(piece.raw, piece.path, Problem(f"{piece.path}.data.data", f"more than {MOST} scored answers"))
            continue
        for question in questions or [None]:
            yield Piece(piece.raw, piece.path, {"event": piece.value, "question": question})


def is_trial(request: HookRequest) -> bool:
    """Say whether a request only tries the address."""
    try:
        return bool(orjson.loads(request.body) == _TRIAL)
    except orjson.JSONDecodeError:
        return False


def verify(request: HookRequest, secrets: HookSecrets, now: datetime, fetched: Mapping[str, bytes]) -> None:
    """Check the signature; a trial of the address needs none, as it says nothing.

    Raises:
        SignatureRefused: it is missing, wrong or too old.
    """
    if not is_trial(request):
        standard_webhooks(request, secrets, now, fetched)


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one scored answer."""
    question: str | None = piece.value["question"]
    event = Node(piece.value["event"], piece.path)
    kind = event.one_of("event", _EVENTS)
    touchpoint, when = _EVENTS[kind]
    data = event.child("data")
    id_ = data.text("id")
    if id_ is None:
        raise Problem(data.at("id"), "required, but missing or blank")
    answers = data.child("data")
    rows = [Loose(node.values, node.path) for node in (answers, *_attributes(data))]
    about = about_of(rows, context)
    response = id_ if question is None else f"{id_}/{question}"
    moment = parsed(data.values.get(when), data.at(when))
    fields: dict[str, Any] = {"metric": "other"}
    if question is not None:
        path = answers.at(question)
        fields = scored(metric_in(question) or "other", decimal_of(answers.values[question], path), path)
    return Draft(
        touchpoint=touchpoint,
        occurred_at=moment,
        at=data.at(when),
        id=own_id("formbricks", response, kind, *([moment.isoformat()] if kind == "responseUpdated" else [])),
        identifiers=identifiers_of(rows, context.sender.phone_region),
        order_id=about.order,
        body=SurveyBody(
            **fields,
            comment=_comment(answers, question),
            language=data.text("language"),
            survey=data.text("surveyId"),
            response=response,
            **about.fields(),
        ),
        properties=_kept(data, rows[0]),
    )


def _scored_questions(event: dict[str, Any]) -> list[str | None]:
    data = event.get("data")
    answers = data.get("data") if isinstance(data, dict) else None
    if not isinstance(answers, dict):
        return []
    return [name for name, value in answers.items() if metric_in(name) is not None and _is_number(value)]


def _is_number(value: Any) -> bool:
    return (isinstance(value, int | float) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.strip().lstrip("-").isdecimal()
    )


def _attributes(data: Node) -> list[Node]:
    """Give what is known of the contact: attributes, by Formbricks' two ways of sending them."""
    found = [data.child("contactAttributes")]
    contact = data.child("contact")
    if contact.values:
        found.append(contact.child("attributes"))
        if contact.values.get("userId") is not None:
            found.append(Node({"userId": contact.values["userId"]}, contact.path))
    return found


def _comment(answers: Node, question: str | None) -> str | None:
    """Give the text that is named as a comment; of several metrics' comments the one that names the metric too."""
    named = [name for name in answers.values if any(word in name.lower() for word in _COMMENTS)]
    metric = metric_in(question)
    own = [name for name in named if metric is not None and metric in name.lower()]
    return answers.remark(*own, *(name for name in named if metric_in(name) is None))


def _kept(data: Node, answers: Loose) -> dict[str, Any]:
    meta, survey = data.child("meta"), data.child("survey")
    kept = {
        "title": survey.remark("title"),
        "url": meta.remark("url"),
        "finished": data.values.get("finished"),
        "tags": data.values.get("tags"),
        "answers": answers.rest(),
    }
    return {name: value for name, value in kept.items() if value not in (None, [], {})}


ADAPTER = Adapter(
    name="formbricks",
    about="Formbricks: responses created, updated, finished",
    area="survey",
    pieces=pieces,
    read=read,
    hook=Hook(signature="Standard Webhooks (webhook-signature)", verify=verify, trial=is_trial),
)
