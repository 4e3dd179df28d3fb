"""Who a visitor is: no more is kept, and no more is sent, than consent allows at that moment."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, Route

from producers.collector.snippet import build
from tests.snippet.rig import Visitor, anonymous

pytestmark = pytest.mark.asyncio(loop_scope="session")

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def kept(page: Page) -> dict[str, str]:
    """Everything that the browser keeps of us, by where it is and what it is called."""
    found: dict[str, str] = await page.evaluate(
        """() => {
            const all = {};
            for (const part of document.cookie.split("; ").filter(Boolean))
                all["cookie " + part.split("=")[0]] = part.split("=")[1];
            for (const [where, area] of [["local", localStorage], ["session", sessionStorage]])
                for (const name of Object.keys(area)) all[where + " " + name] = area.getItem(name);
            return all;
        }"""
    )
    return found


def ids(events: list[dict[str, Any]]) -> set[str]:
    return {value for event in events for value in anonymous(event)}


def consents(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the events about consent say, in their order."""
    return [event["properties"] for event in events if event["touchpoint"] == "consent_changed"]


async def test_without_a_word_of_consent_events_have_no_id_and_nothing_is_kept(visitor: Visitor) -> None:
    visitor.put()
    page = await visitor.go("/?gclid=Cj0abc")
    await page.evaluate("touchpath.identify('C-1', {email: 'ada@example.org'}); touchpath.track('Seen')")
    events = await visitor.last(page)
    assert [event["touchpoint"] for event in events] == ["page_view", "seen"]
    assert all(not event.get("identifiers") for event in events)
    assert await kept(page) == {}
    assert events[0]["body"]["url"].endswith("/?gclid=redacted"), "an id of the advertiser is an id"
    assert events[0]["properties"]["context"]["clickIds"] == {"gclid": "redacted"}
    assert events[0]["properties"]["context"]["consent"]["level"] == "none"
    assert await page.evaluate("touchpath.id()") == ""


async def test_a_session_id_ends_with_its_tab(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="session"')
    page = await visitor.go("/?gclid=Cj0abc")
    await page.reload()
    await visitor.wait(2)
    other = await visitor.go()
    events = await visitor.wait(3)
    assert len(ids(events[:2])) == 1
    assert len(ids(events)) == 2
    assert {name.partition(" ")[0] for name in await kept(other)} == {"session"}
    assert events[0]["properties"]["context"]["clickIds"] == {"gclid": "Cj0abc"}


async def test_a_persistent_id_is_a_first_party_cookie_that_lives_as_long_as_it_was_told(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="persistent" data-lifetime="30"')
    page = await visitor.go()
    await (await visitor.go()).close()
    events = await visitor.wait(2)
    assert len(ids(events)) == 1
    [cookie] = await visitor.context.cookies()
    [anonymous_id] = ids(events)
    assert UUID.fullmatch(anonymous_id)
    assert (cookie["name"], cookie["value"].partition(".")[0]) == ("tp_id", anonymous_id)
    assert (cookie["sameSite"], cookie["domain"]) == ("Lax", ".shop.localhost")
    now = await page.evaluate("Date.now() / 1000")
    assert 29 * 86400 < cookie["expires"] - now <= 30 * 86400
    assert await page.evaluate("touchpath.id()") == anonymous_id
    assert (await kept(page))["local tp_id"] == cookie["value"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_cookie_is_for_all_of_the_site_and_secure_where_the_page_is(visitor: Visitor, scheme: str) -> None:
    site = f"{scheme}://www.shop.co.uk"  # co.uk takes no cookies: the widest domain is one part longer

    async def answer(route: Route) -> None:
        if route.request.url.endswith(".js"):
            await route.fulfill(body=build().plain, content_type="text/javascript")
        else:
            tag = f'<script src="{site}/t.js" data-key="k" data-consent="persistent"></script>'
            await route.fulfill(body=f"<!doctype html><title>x</title>{tag}", content_type="text/html")

    await visitor.context.route(f"{site}/**", answer)
    page = await visitor.context.new_page()
    await page.goto(site)
    [cookie] = await visitor.context.cookies()
    assert (cookie["domain"], cookie["secure"], cookie["sameSite"]) == (".shop.co.uk", scheme == "https", "Lax")
    assert UUID.fullmatch(await page.evaluate("touchpath.id()")), "also where the browser makes none by itself"
    await page.evaluate("touchpath.consent(false)")
    assert await visitor.context.cookies() == []


async def test_what_is_left_of_the_id_in_one_place_restores_it_in_the_other(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="persistent"')
    page = await visitor.go()
    await visitor.context.clear_cookies()
    await page.reload()
    await visitor.wait(2)
    await page.evaluate("localStorage.clear()")
    await page.reload()
    assert len(ids(await visitor.wait(3))) == 1
    assert {"cookie tp_id", "local tp_id"} <= set(await kept(page))


async def test_an_id_that_is_too_old_is_not_used_again(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="persistent" data-lifetime="30"')
    page = await visitor.go()
    await visitor.wait(1)
    old = "x => localStorage.tp_id = document.cookie = localStorage.tp_id.split('.')[0] + '.' + x"
    await page.evaluate(old, "rz0000")
    await visitor.context.clear_cookies()
    await page.reload()
    assert len(ids(await visitor.wait(2))) == 2


async def test_events_wait_in_memory_for_the_decision_and_then_have_the_id(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="hold"')
    page = await visitor.go("/?utm_campaign=spring")
    await page.evaluate("touchpath.track('One')")
    assert await kept(page) == {}
    assert visitor.events == []
    await page.evaluate("touchpath.consent({analytics: true, ads: false})")
    events = await visitor.wait(3)
    assert visitor.names == ["page_view", "One", "Consent Preference Updated"]
    assert len(ids(events)) == 1
    assert {event["campaign"]["name"] for event in events} == {"spring"}
    told = events[0]["properties"]["context"]["consent"]
    assert told == {"level": "persistent", "categoryPreferences": {"analytics": True, "advertising": False}}


async def test_of_what_waits_for_a_decision_the_newest_are_kept_to_a_bound(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="hold" data-queue="3"')
    page = await visitor.go()
    await page.evaluate("for (const name of ['One', 'Two', 'Three']) touchpath.track(name)")
    await page.evaluate("touchpath.consent('none')")
    events = await visitor.wait(3)
    assert [event["name"] for event in events] == ["One", "Two", "Three"]
    assert len({event["occurred_at"] for event in events}) == 3, "however fast they come, they have an order"


@pytest.mark.parametrize(("denied", "names"), [("none", ["page_view"]), ("off", [])])
async def test_a_no_sends_what_waited_without_id_or_not_at_all(visitor: Visitor, denied: str, names: list[str]) -> None:
    visitor.put(attributes=f'data-consent="hold" data-denied="{denied}"')
    page = await visitor.go()
    await page.evaluate("touchpath.identify('C-1'); touchpath.consent(false)")
    await page.evaluate("touchpath.consent('none')")
    assert [event["touchpoint"] for event in await visitor.last(page)] == names
    assert ids(visitor.events) == set()
    assert await kept(page) == {}


async def test_a_decision_is_remembered_on_the_next_page(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="hold"')
    page = await visitor.go()
    await page.evaluate("touchpath.consent(true)")
    await page.reload()
    events = await visitor.wait(3)
    assert [event["touchpoint"] for event in events] == ["page_view", "consent_changed", "page_view"]
    assert len(ids(events)) == 1


async def test_consent_withdrawn_takes_every_trace_away_and_says_so_last(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="hold"')
    page = await visitor.go()
    await page.evaluate("touchpath.consent(true); touchpath.identify('C-1')")
    await visitor.wait(3)
    await page.evaluate("touchpath.consent(false); touchpath.track('After')")
    events = await visitor.wait(5)
    assert [event["level"] for event in consents(events)] == ["persistent", "none"]
    assert len(ids(events[:4])) == 1, "the withdrawal itself says whose it is"
    assert (events[4]["name"], events[4].get("identifiers", [])) == ("After", [])
    assert await kept(page) == {}
    assert await visitor.context.cookies() == []
    await page.reload()
    await page.wait_for_function("window.touchpath && touchpath.version")
    await page.evaluate("touchpath.consent(false)")
    assert ids((await visitor.last(page))[4:]) == set()


async def test_who_says_no_to_what_holds_without_a_word_is_remembered_by_that_alone(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="persistent"')
    page = await visitor.go()
    await page.evaluate("touchpath.consent('off')")
    await visitor.wait(2)
    assert set(await kept(page)) == {"local tp_id_consent"}
    await page.reload()
    await page.wait_for_function("window.touchpath && touchpath.version")
    await page.evaluate("touchpath.track('Never')")
    await page.evaluate("touchpath.consent('none')")
    assert [event["touchpoint"] for event in await visitor.last(page)] == ["page_view", "consent_changed"]


async def test_a_customer_who_logs_in_is_named_until_he_logs_out(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="persistent"')
    page = await visitor.go()
    await page.evaluate("touchpath.identify('C-1', {email: 'Ada@example.org'})")
    await visitor.wait(2)
    await page.reload()
    await visitor.wait(3)
    await page.evaluate("touchpath.reset(); touchpath.track('Out')")
    seen, login, again, out = await visitor.wait(4)
    first = {"kind": "anonymous", "value": anonymous(seen)[0]}
    customer = {"kind": "customer", "value": "C-1"}
    assert seen["identifiers"] == [first]
    assert login["identifiers"] == [customer, first, {"kind": "email", "value": "ada@example.org"}]
    assert again["identifiers"] == [customer, first]
    assert len(out["identifiers"]) == 1
    assert anonymous(out) != anonymous(seen)
    assert "C-1" not in str(await kept(page))


async def test_somebody_else_on_the_same_device_gets_an_id_of_his_own(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="persistent"')
    page = await visitor.go()
    await page.evaluate("touchpath.identify('C-1'); touchpath.identify('C-1'); touchpath.identify('C-2')")
    _, first, same, other = await visitor.wait(4)
    assert anonymous(first) == anonymous(same) != anonymous(other)


async def test_global_privacy_control_is_a_no_to_advertising(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="persistent"')
    await visitor.context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    await visitor.go("/?fbclid=abc")
    [seen] = await visitor.wait(1)
    assert seen["body"]["url"].endswith("?fbclid=redacted")
    assert len(anonymous(seen)) == 1


async def test_somebody_else_who_logs_in_before_we_knew_of_the_first_gets_an_id_of_his_own_too(
    visitor: Visitor,
) -> None:
    visitor.put(attributes='data-consent="hold"')
    page = await visitor.go()
    await page.evaluate("touchpath.consent(true); touchpath.identify('C-1')")
    first = (await visitor.wait(3))[-1]
    await page.evaluate("localStorage.removeItem('tp_id_consent')")  # so that the next page has to ask again
    await page.reload()
    await page.wait_for_function("window.touchpath && touchpath.version")
    await page.evaluate("touchpath.identify('C-2'); touchpath.consent(true)")
    *_, other, _ = await visitor.wait(6)
    assert {"kind": "customer", "value": "C-2"} in other["identifiers"]
    assert anonymous(other) != anonymous(first)
