"""Mentions of the brand on social networks and in forums as rows: webhook, CSV and JSON lines.

One row is one mention: network, author, text, `sentiment` as the sender judges it, reach. `type` says what it is:
a mention (where nothing is said), a `post` of the brand's own, a `message` to the brand, a `forum` post.
"""

from decimal import Decimal

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.amounts import decimal_of
from producers.adapters.loose import OWN_CUSTOMER, Loose, channel_of, file_rows, folded, hook_rows, identifiers_of
from producers.adapters.problem import Problem
from producers.adapters.social.author import author_of
from producers.adapters.survey.answer import about_of, own_id
from schemas.bodies import OtherBody
from schemas.touchpoint import Campaign

_TYPES = {
    "": "social_mention",
    **dict.fromkeys(("mention", "comment", "reply", "tweet", "share", "repost", "story"), "social_mention"),
    **dict.fromkeys(("post", "ownpost", "brandpost"), "social_post"),
    **dict.fromkeys(("message", "directmessage", "dm", "privatemessage"), "social_message"),
    **dict.fromkeys(("forum", "forumpost", "thread", "blog", "blogpost"), "forum_post"),
}
_SENTIMENTS = {
    **dict.fromkeys(("positive", "pos", "positiv", "good"), "positive"),
    **dict.fromkeys(("neutral", "neu", "mixed"), "neutral"),
    **dict.fromkeys(("negative", "neg", "negativ", "bad"), "negative"),
}
_TIMES = ("posted_at", "occurred_at", "published_at", "created_at", "timestamp", "date", "time")
_NETWORK = ("network", "platform", "site", "channel_name")
_SENTIMENT = ("sentiment", "tonality", "sentiment_score")
_REACH = ("reach", "impressions", "followers", "audience")
_MOST_PEOPLE = 10**15


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one mention."""
    row = Loose(piece.value, piece.path)
    touchpoint = row.meaning(_TYPES, "type", "kind")
    when, at = row.moment(*_TIMES)
    network = row.text(*_NETWORK, limit=100)
    id_ = row.text("mention_id", "post_id", "id")
    campaign = row.text("campaign", "campaign_name", "hashtag")
    about = about_of((row,), context)
    told = {
        "network": network.lower() if network else None,
        "sentiment": _sentiment(row),
        "language": row.text("language", "locale", "lang"),
        "about_event": str(about.event) if about.event else None,
        "about_touchpoint": about.touchpoint,
        "about_ticket": about.ticket,
    }
    return Draft(
        touchpoint=touchpoint,
        channel=channel_of(row, context.catalogue.channels),
        occurred_at=when,
        at=at,
        id=None if id_ is None else own_id("mention", *([network.lower(), id_] if network else [id_])),
        identifiers=[*identifiers_of((row,), context.sender.phone_region, OWN_CUSTOMER), *author_of(row, network)],
        campaign=Campaign(name=campaign) if campaign else None,
        order_id=about.order,
        body=OtherBody(
            text=row.remark("text", "content", "message", "body", "comment"),
            link=row.remark("url", "link", "permalink"),
            reach=_reach(row),
        ),
        properties={name: value for name, value in told.items() if value is not None} | row.rest(),
    )


def _sentiment(row: Loose) -> str | None:
    """Give positive, neutral or negative, by the sender's word or by the sign of its number."""
    value = row.value(*_SENTIMENT)
    if value is None:
        return None
    path = row.at(*_SENTIMENT)
    if isinstance(value, str) and (named := _SENTIMENTS.get(folded(value))):
        return named
    try:
        number = decimal_of(value, path)
    except Problem:
        raise Problem(path, f"{str(value)[:50]!r} is none of positive, neutral, negative, and no number") from None
    return "positive" if number > 0 else "negative" if number < 0 else "neutral"


def _reach(row: Loose) -> int | None:
    number = row.number(*_REACH)
    if number is None:
        return None
    if number != int(number) or not Decimal(0) <= number <= _MOST_PEOPLE:
        raise Problem(row.at(*_REACH), f"{number} is no number of people")
    return int(number)


ADAPTER = Adapter(
    name="mentions",
    about="Mentions on social networks and in forums as rows, with the sender's sentiment; by webhook, CSV, JSON lines",
    area="social",
    pieces=hook_rows,
    file=file_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
