"""The year's mailings and redemptions as calls of Segment's HTTP API. Pure; ids follow from the data alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deploy.demo.retail_year import RetailYear


def mailing_id(campaign: int, household: int) -> str:
    """Give the message id of a mailing: a household gets a campaign once."""
    return f"mailing/{campaign}/{household}"


def redemption_id(household: int, campaign: int, coupon: int, day: str) -> str:
    """Give the message id of a redemption: several on one day are told apart by campaign and coupon."""
    return f"redemption/{household}/{campaign}/{coupon}/{day}"


def campaign_name(campaign: int) -> str:
    """Give the campaign's name, as it stands in every report."""
    return f"campaign-{campaign}"


def calls(year: RetailYear) -> Iterator[dict[str, Any]]:
    """Give the calls, mailings first, each in order of time."""
    for row in year.mailings.itertuples(index=False):
        yield {
            **_call(mailing_id(row.campaign_id, row.household_id), "Direct Mail Delivered", row),
            "properties": {"campaign_type": row.campaign_type},
        }
    for row in year.redemptions.itertuples(index=False):
        yield {
            **_call(
                redemption_id(row.household_id, row.campaign_id, row.coupon_upc, f"{row.at:%Y-%m-%d}"),
                "Coupon Redeemed",
                row,
            ),
            "properties": {"coupon": str(row.coupon_upc)},
        }


def _call(message: str, event: str, row: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "messageId": message,
        "event": event,
        "timestamp": row.at.isoformat(),
        "context": {
            "traits": {"loyalty_id": str(row.household_id)},
            "campaign": {"name": campaign_name(row.campaign_id), "medium": "direct mail"},
        },
    }
