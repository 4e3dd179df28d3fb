"""Reviews as rows, for any shop or review site: webhook, CSV and JSON lines. A review is an answer in stars.

One row is one review: `stars` (1 to 5, or on the scale that the row states), text, product, author, and what it is
about (`order_id`, `product`, `touchpoint`). `status` says `changed` where it corrects an earlier one.
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.loose import OWN_CUSTOMER, Loose, channel_of, file_rows, hook_rows, identifiers_of
from producers.adapters.problem import Problem
from producers.adapters.social.author import author_of
from producers.adapters.survey.answer import about_of, own_id, scale_of, scored
from schemas.bodies import SurveyBody

_STATUSES = {
    "": "review",
    **dict.fromkeys(("new", "published", "created", "approved"), "review"),
    **dict.fromkeys(("changed", "updated", "edited", "corrected"), "review_changed"),
}
_TIMES = ("reviewed_at", "occurred_at", "published_at", "submitted_at", "created_at", "timestamp", "date", "time")
_SCORE = ("stars", "rating", "score", "star_rating", "value")
_TEXT = ("comment", "text", "review", "body", "content", "review_text")
_SITE = ("site", "platform", "portal", "network")


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one review."""
    row = Loose(piece.value, piece.path)
    touchpoint = row.meaning(_STATUSES, "status", "event")
    times = ("changed_at", "updated_at", *_TIMES) if touchpoint == "review_changed" else _TIMES
    when, at = row.moment(*times)
    score = row.number(*_SCORE)
    if score is None and row.key(*_TEXT) is None:
        raise Problem(row.node.at(_SCORE[0]), "required where there is no text either")
    about = about_of((row,), context)
    response = row.text("review_id", "id")
    site = row.text(*_SITE)
    return Draft(
        touchpoint=touchpoint,
        channel=channel_of(row, context.catalogue.channels),
        occurred_at=when,
        at=at,
        id=_id(touchpoint, response, when.isoformat()),
        identifiers=[*identifiers_of((row,), context.sender.phone_region, OWN_CUSTOMER), *author_of(row, site)],
        order_id=about.order,
        body=SurveyBody(
            **scored("stars", score, row.at(*_SCORE), scale_of(row), row.at("scale", "scale_min")),
            comment=row.remark(*_TEXT),
            language=row.text("language", "locale", "lang"),
            survey=site,
            response=response,
            **about.fields(),
        ),
        properties=row.rest(),
    )


def _id(touchpoint: str, response: str | None, moment: str) -> str | None:
    if response is None:
        return None
    return own_id("review", response) if touchpoint == "review" else own_id(touchpoint, response, moment)


ADAPTER = Adapter(
    name="reviews",
    about="Reviews as rows: stars, text, product; by webhook, CSV and JSON lines",
    area="survey",
    pieces=hook_rows,
    file=file_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
