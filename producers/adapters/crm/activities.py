"""What a CRM knows of talks and offers, as rows: CSV or JSON lines. A row is one touchpoint, with its amount.

`type` names it in the catalogue's words or the house's own (`sales_talk`, `Meeting`, `offer_sent`, `offer_accepted`); a
type that the catalogue does not know is taken under its own name. `offer` says which offer it was, so that the same
offer sent twice can be seen.
"""

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.crm.customers import CHANNEL
from producers.adapters.loose import Loose, channel_of, file_rows, hook_rows, identifiers_of
from producers.adapters.survey.answer import own_id
from schemas.bodies import OtherBody
from schemas.catalogue import slug
from schemas.touchpoint import Campaign

_TIMES = ("occurred_at", "activity_date", "held_at", "sent_at", "timestamp", "date", "time", "created_at")
_KEPT = {
    "offer": ("offer_id", "offer", "offer_number", "quote_id", "quote"),
    "owner": ("owner", "sales_rep", "account_manager"),
    "account": ("account", "account_id", "account_name", "company"),
    "outcome": ("outcome", "result", "status"),
}


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one activity."""
    row = Loose(piece.value, piece.path)
    kind = row.required("type", "activity_type", "activity", "touchpoint")
    when, at = row.moment(*_TIMES)
    touchpoint = context.catalogue.touchpoint_named(kind) or slug(kind)
    id_, campaign = row.text("activity_id", "id"), row.text("campaign", "campaign_name")
    kept = {name: row.text(*aliases) for name, aliases in _KEPT.items()}
    channel = channel_of(row, context.catalogue.channels)
    if channel is None and context.catalogue.entry(touchpoint) is None:
        channel = context.sender.channel or CHANNEL  # what nobody knows in the web would count as a visit there
    return Draft(
        touchpoint=touchpoint,
        channel=channel,
        occurred_at=when,
        at=at,
        # An offer keeps its number from being sent to being accepted: each step is an event of its own.
        id=None if id_ is None else own_id("activity", id_, touchpoint),
        identifiers=identifiers_of((row,), context.sender.phone_region),
        campaign=Campaign(name=campaign) if campaign else None,
        order_id=row.text("order_id", "order", "order_number"),
        amount=row.money(context.sender.default_currency, "amount", "offer_amount", "net_amount"),
        name=kind,
        body=OtherBody(text=row.remark("subject", "description", "note", "notes"), link=row.remark("link", "url")),
        properties={name: value for name, value in kept.items() if value is not None} | row.rest(),
    )


ADAPTER = Adapter(
    name="crm_activities",
    about="Sales talks, offers and other activities from a CRM as rows, with amounts",
    area="crm",
    pieces=hook_rows,
    file=file_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
