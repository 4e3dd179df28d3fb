"""The year's mailings and redemptions as calls of Segment's HTTP API. Pure; ids follow from the data alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deploy.demo.retail_year import Mailing, Redemption, RetailYear


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
    for mailing in year.each_mailing():
        yield {
            **_call(mailing_id(mailing.campaign, mailing.household), "Direct Mail Delivered", mailing),
            "properties": {"campaign_type": mailing.campaign_type},
        }
    for one in year.each_redemption():
        message = redemption_id(one.household, one.campaign, one.coupon, f"{one.at:%Y-%m-%d}")
        yield {**_call(message, "Coupon Redeemed", one), "properties": {"coupon": str(one.coupon)}}


def _call(message: str, event: str, one: Mailing | Redemption) -> dict[str, Any]:
    return {
        "type": "track",
        "messageId": message,
        "event": event,
        "timestamp": one.at.isoformat(),
        "context": {
            "traits": {"loyalty_id": str(one.household)},
            "campaign": {"name": campaign_name(one.campaign), "medium": "direct mail"},
        },
    }
