"""Consent banners speak by two conventions: IAB's TCF v2 and Google's consent mode."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.snippet.rig import Visitor, anonymous

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: As a consent management platform answers `addEventListener`; a test speaks for it by `tell({...})`.
TCF = """
    window.heard = [];
    window.__tcfapi = (command, version, callback) => {
        if (command === "addEventListener" && version === 2) window.heard.push(callback);
    };
    window.tell = (data) => window.heard.forEach((callback) => callback({gdprApplies: true, ...data}, true));
"""
GTAG = "window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }"


def purposes(*granted: int) -> dict[str, Any]:
    return {"purpose": {"consents": {str(number): number in granted for number in range(1, 11)}}}


def consent_of(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = event["properties"]["context"]["consent"]
    return found


async def test_a_tcf_banner_that_is_still_asking_holds_events_back(visitor: Visitor) -> None:
    visitor.put(attributes='data-banner="tcf"', head=f"<script>{TCF}</script>")
    page = await visitor.go()
    await page.wait_for_function("heard.length")
    await page.evaluate("data => tell(data)", {"eventStatus": "cmpuishown", **purposes(*range(1, 11))})
    assert visitor.events == []
    assert visitor.requests == []
    await page.evaluate("data => tell(data)", {"eventStatus": "useractioncomplete", **purposes(1, 8)})
    seen, told = await visitor.wait(2)
    assert len(anonymous(seen)) == 1
    assert consent_of(seen) == {
        "level": "persistent",
        "categoryPreferences": {"analytics": True, "advertising": False},
    }
    assert told["properties"]["source"] == "tcf"


@pytest.mark.parametrize(
    ("data", "known"),
    [
        ({"eventStatus": "tcloaded", **purposes(1, 7, 8)}, True),
        ({"eventStatus": "tcloaded", **purposes(1, 7)}, False),
        ({"eventStatus": "tcloaded", **purposes(8)}, False),
        ({"eventStatus": "tcloaded"}, False),
        ({"gdprApplies": False}, True),
    ],
    ids=["all", "no measuring", "no storing", "nothing", "no gdpr"],
)
async def test_tcf_allows_an_id_by_purposes_one_and_eight(visitor: Visitor, data: dict[str, Any], known: bool) -> None:
    visitor.put(attributes='data-banner="tcf"', head=f"<script>{TCF}</script>")
    page = await visitor.go()
    await page.wait_for_function("heard.length")
    await page.evaluate("data => tell(data)", data)
    seen = next(event for event in await visitor.last(page) if event["touchpoint"] == "page_view")
    assert bool(anonymous(seen)) is known


async def test_a_tcf_banner_may_come_late_and_may_be_reopened(visitor: Visitor) -> None:
    visitor.put(attributes='data-banner="tcf"')
    page = await visitor.go()
    await page.evaluate(TCF)
    await page.wait_for_function("heard.length")
    await page.evaluate("data => tell(data)", {"eventStatus": "tcloaded", **purposes(1, 7, 8)})
    await visitor.wait(2)
    await page.evaluate("data => tell(data)", {"eventStatus": "useractioncomplete", **purposes()})
    await visitor.wait(3)
    await page.evaluate("touchpath.track('After')")
    after = (await visitor.wait(4))[-1]
    assert (after["name"], anonymous(after)) == ("After", [])
    assert await visitor.context.cookies() == []


@pytest.mark.parametrize(
    ("commands", "known"),
    [
        ([["default", {"analytics_storage": "granted", "ad_storage": "denied"}]], True),
        ([["default", {"analytics_storage": "denied"}], ["update", {"analytics_storage": "granted"}]], True),
        ([["default", {"analytics_storage": "denied"}], ["update", {"analytics_storage": "denied"}]], False),
        (
            [
                ["default", {"analytics_storage": "granted", "region": ["US"]}],
                ["update", {"analytics_storage": "denied"}],
            ],
            False,
        ),
    ],
    ids=["granted by default", "granted", "denied", "another region's default"],
)
async def test_googles_signals_before_the_script_are_read(
    visitor: Visitor, commands: list[list[Any]], known: bool
) -> None:
    calls = "".join(f"gtag('consent', {json.dumps(command)}, {json.dumps(state)});" for command, state in commands)
    visitor.put(attributes='data-banner="google"', head=f"<script>{GTAG}{calls}</script>")
    page = await visitor.go()
    events = await visitor.last(page)
    assert "page_view" in visitor.names
    assert [bool(anonymous(event)) for event in events] == [known] * len(events)


async def test_googles_signals_behind_the_script_are_heard_and_passed_on(visitor: Visitor) -> None:
    denied = "gtag('consent', 'default', {analytics_storage: 'denied', ad_storage: 'denied', wait_for_update: 500});"
    visitor.put(attributes='data-banner="google"', head=f"<script>{GTAG}{denied}</script>")
    page = await visitor.go()
    assert visitor.requests == []
    granted = "gtag('consent', 'update', {analytics_storage: 'granted', ad_storage: 'granted'}); dataLayer.length"
    assert await page.evaluate(granted) == 2
    seen, told = await visitor.wait(2)
    assert consent_of(seen)["categoryPreferences"] == {"analytics": True, "advertising": True}
    assert told["properties"]["source"] == "google"
    await page.evaluate("gtag('consent', 'update', {ad_storage: 'denied'}); gtag('event', 'x'); dataLayer.push(null)")
    *_, changed = await visitor.wait(3)
    assert consent_of(changed)["categoryPreferences"] == {"analytics": True, "advertising": False}
