"""Customers from a CRM as rows, CSV or JSON lines: who they are, and what is known of them.

A row makes its customer known, as Segment's `identify` does: all identifiers that it has belong to one person, and what
is known stands in `properties.traits` (`generation`, `region`, `value`, `account`, `owner`, and every other
column by its own name). It needs a time, `valid_from` or `updated_at`: what was known when must have an order. The same
row again is a duplicate, a changed one adds to the history.
"""

from typing import Any

from producers.adapters.adapter import Adapter, Context, Draft, Hook, Piece
from producers.adapters.amounts import decimal_of
from producers.adapters.loose import Loose, file_rows, hook_rows, identifiers_of
from producers.adapters.problem import Problem
from schemas.bodies import OtherBody

_TIMES = ("valid_from", "updated_at", "modified_at", "changed_at", "last_modified", "created_at", "customer_since")
#: Our name of a trait, and what CRMs call it.
_TRAITS = {
    "generation": ("generation", "age_group"),
    "region": ("region", "sales_region", "territory"),
    "value": ("value", "customer_value", "clv", "annual_revenue"),
    "account": ("account", "account_id", "account_name", "company"),
    "owner": ("owner", "account_owner", "account_manager", "sales_rep"),
}
CHANNEL = "crm"


def read(piece: Piece, context: Context) -> Draft:
    """Make the draft of one customer."""
    row = Loose(piece.value, piece.path)
    when, at = row.moment(*_TIMES)
    identifiers = identifiers_of((row,), context.sender.phone_region)
    if not identifiers:
        raise Problem(row.node.at("customer_id"), "required where no other column names the customer")
    traits = {name: _trait(row, name, aliases) for name, aliases in _TRAITS.items()}
    known = {name: value for name, value in traits.items() if value is not None} | row.rest()
    return Draft(
        touchpoint="identified",
        channel=CHANNEL,
        occurred_at=when,
        at=at,
        id=None,  # its content: a customer has many rows over time, and none of them an id
        identifiers=identifiers,
        body=OtherBody(),
        properties={"traits": known} if known else {},
    )


def _trait(row: Loose, name: str, aliases: tuple[str, ...]) -> Any:
    """Give a trait as text. A value that is a number is written as one, whatever JSON made of it (1200.50, A+)."""
    value = row.value(*aliases)
    if value is None:
        return None
    if name == "value" and not isinstance(value, bool):
        try:
            return str(decimal_of(value, row.at(*aliases)))
        except Problem:
            pass  # a class, such as A+
    return row.text(*aliases)


ADAPTER = Adapter(
    name="crm_customers",
    about="Customers from a CRM as rows: identifiers, generation, region, value, account, owner",
    area="crm",
    pieces=hook_rows,
    file=file_rows,
    read=read,
    hook=Hook(signature="none: the write key protects it"),
)
