"""Answers to surveys in a form of our own, for every tool that can write a row: webhook, CSV and JSON lines.

One row is one answer: `metric` (nps, csat, ces, stars, other), `score`, a time, who answered, and what it is about
(`touchpoint_id`, `touchpoint`, `order_id`, `ticket_id`). A row whose only score stands in a column `nps`, `csat`,
`ces` or `stars` needs no `metric`. `status` says `sent`, `started` or `changed` where it is no new answer, so that
response rates can be told and a correction is not a second answer.
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.loose import Loose, channel_of, file_rows, hook_rows, identifiers_of
from producers.adapters.problem import Problem
from producers.adapters.survey.answer import about_of, metric_named, own_id, scale_of, scored
from schemas.bodies import SCALES, Metric, SurveyBody

_STATUSES = {
    "": "survey",
    **dict.fromkeys(("answered", "completed", "finished", "submitted", "responded", "new"), "survey"),
    **dict.fromkeys(("changed", "updated", "corrected", "edited"), "survey_changed"),
    **dict.fromkeys(("started", "partial", "opened"), "survey_started"),
    **dict.fromkeys(("sent", "invited", "requested", "delivered"), "survey_sent"),
}
_TIMES = {
    "survey": ("answered_at", "submitted_at", "responded_at", "completed_at"),
    "survey_changed": ("changed_at", "updated_at"),
    "survey_started": ("started_at", "opened_at"),
    "survey_sent": ("sent_at", "invited_at"),
}
_ANY_TIME = ("occurred_at", "timestamp", "time", "date", "created_at")
_ID = ("response_id", "answer_id", "id")
_METRIC = ("metric", "survey_type", "score_type")
_SCORE = ("score", "value", "rating", "answer")
_COMMENT = ("comment", "feedback", "verbatim", "text", "remark")
_SURVEY = ("survey", "survey_name", "survey_id", "questionnaire")
_LANGUAGE = ("language", "locale", "lang")


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one answer."""
    row = Loose(piece.value, piece.path)
    touchpoint = row.meaning(_STATUSES, "status", "event")
    when, at = row.moment(*_TIMES[touchpoint], *_ANY_TIME)
    metric, score_columns = _metric(row, needed=touchpoint in {"survey", "survey_changed"})
    score = row.number(*score_columns)
    if score is None and touchpoint == "survey" and metric != "other":
        raise Problem(row.node.at(score_columns[0]), "required, but missing or blank")
    about = about_of((row,), context)
    response = row.text(*_ID)
    return Draft(
        touchpoint=touchpoint,
        channel=channel_of(row, context.catalogue.channels),
        occurred_at=when,
        at=at,
        id=_id(touchpoint, response, when.isoformat()),
        identifiers=identifiers_of((row,), context.sender.phone_region),
        order_id=about.order,
        body=SurveyBody(
            **scored(metric, score, row.at(*score_columns), scale_of(row), row.at("scale", "scale_min")),
            comment=row.remark(*_COMMENT),
            language=row.text(*_LANGUAGE),
            survey=row.text(*_SURVEY),
            response=response,
            **about.fields(),
        ),
        properties=row.rest(),
    )


def _metric(row: Loose, *, needed: bool) -> tuple[Metric, tuple[str, ...]]:
    """Give the metric, and the columns in which its score stands."""
    stated = row.text(*_METRIC, limit=100)
    if stated is not None:
        metric = metric_named(stated, row.at(*_METRIC))
        return metric, (*_SCORE, metric)
    scores = [metric for metric in SCALES if row.key(metric) is not None]
    if len(scores) > 1:
        raise Problem(row.at(scores[1]), f"a second score beside {scores[0]!r}: one row holds one answer")
    if scores:
        return scores[0], (scores[0],)
    if needed:
        raise Problem(row.node.at("metric"), "required, but missing or blank")
    return "other", _SCORE


def _id(touchpoint: str, response: str | None, moment: str) -> str | None:
    if response is None:
        return None
    if touchpoint == "survey":
        return own_id("survey", response)
    return own_id(touchpoint, response, moment)  # there may be several, and none is the answer itself


ADAPTER = Adapter(
    name="surveys",
    about="Answers to surveys as rows: NPS, CSAT, CES, stars; by webhook, CSV and JSON lines",
    area="survey",
    pieces=hook_rows,
    file=file_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
