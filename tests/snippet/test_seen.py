"""What the snippet sees by itself: pages, campaigns, clicks and forms; and what a page tells it."""

from __future__ import annotations

import pytest

from tests.snippet.rig import Visitor, anonymous

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_one_line_sends_a_page_view_with_its_campaign_and_what_the_page_is(visitor: Visitor) -> None:
    visitor.put("/lamps")
    address = "/lamps?utm_source=news&utm_medium=email&utm_campaign=spring&utm_content=top&colour=red#prices"
    await visitor.go(address, referer="https://mail.example.org/inbox")
    [seen] = await visitor.wait(1)
    assert (seen["touchpoint"], seen["body"]["kind"]) == ("page_view", "web")
    assert seen["campaign"] == {"name": "spring", "source": "news", "medium": "email", "content": "top"}
    body = seen["body"]
    assert body["url"] == visitor.stage.url(address.partition("#")[0])
    assert (body["path"], body["title"], body["referrer"]) == ("/lamps", "Lamps", "https://mail.example.org/inbox")
    assert "Chrome" in body["user_agent"]
    assert body["locale"] == "en-US"
    assert seen["properties"]["context"]["library"]["name"] == "touchpath.js"


async def test_a_batch_needs_no_preflight_and_carries_no_cookies(visitor: Visitor) -> None:
    same_site = f"http://shop.localhost:{visitor.stage.door_port}"  # a browser would send it the page's cookies
    visitor.put(attributes=f'data-consent="persistent" data-endpoint="{same_site}"')
    page = await visitor.go()
    await visitor.wait(1)
    assert await page.evaluate("document.cookie")
    await visitor.last(page)
    asked = await visitor.asked(2)
    assert [one.method for one in asked] == ["POST", "POST"]
    assert all(one.headers["content-type"].startswith("text/plain") for one in asked)
    assert all("cookie" not in one.headers for one in asked)


async def test_what_a_page_queues_before_the_script_is_there_is_not_lost(visitor: Visitor) -> None:
    queued = """<script>
        window.touchpath = window.touchpath || [];
        touchpath.push(["track", "Early", {plan: "pro"}]);
        touchpath.push(["nonsense"], ["track", "Next"]);
        touchpath.push(function (tp) { tp.track("Function", {version: tp.version}); });
    </script>"""
    visitor.put(head=queued)
    await visitor.go()
    events = await visitor.wait(4)
    assert sorted(visitor.names) == ["Early", "Function", "Next", "page_view"]
    [early] = [event for event in events if event.get("name") == "Early"]
    assert early["properties"]["plan"] == "pro"


async def test_a_single_page_app_has_a_page_view_for_each_address_it_shows(visitor: Visitor) -> None:
    visitor.put("/app")
    page = await visitor.go("/app")
    await visitor.wait(1)
    await page.evaluate("history.pushState({}, '', '/app/cart'); document.title = 'Cart'")
    await visitor.wait(2)
    await page.evaluate("history.replaceState({}, '', '/app/cart?step=2')")
    await visitor.wait(3)
    await page.evaluate("history.replaceState({scroll: 7}, '')")
    await page.evaluate("history.pushState({}, '', '#top')")
    await page.go_back()
    await page.evaluate("location.hash = 'bottom'")
    await page.go_back()
    await page.evaluate("history.go(-1)")
    seen = await visitor.wait(4)
    assert [event["body"]["path"] for event in seen] == ["/app", "/app/cart", "/app/cart", "/app"]
    assert seen[1]["body"]["title"] == "Cart"
    assert seen[1]["body"]["referrer"] == visitor.stage.url("/app")
    assert len(await visitor.last(page)) == 4


async def test_an_app_that_names_its_pages_by_fragment_can_say_so(visitor: Visitor) -> None:
    visitor.put("/app", 'data-pages="hash"')
    page = await visitor.go("/app#/home")
    await visitor.wait(1)
    await page.evaluate("location.hash = '/cart'")
    seen = await visitor.wait(2)
    assert [event["body"]["url"] for event in seen] == [visitor.stage.url(f"/app#/{name}") for name in ("home", "cart")]


@pytest.mark.parametrize(("pages", "count"), [("off", 0), ("load", 1)])
async def test_page_views_can_be_left_to_the_page(visitor: Visitor, pages: str, count: int) -> None:
    visitor.put(attributes=f'data-pages="{pages}"')
    page = await visitor.go()
    await page.evaluate("history.pushState({}, '', '/next')")
    assert len(await visitor.last(page)) == count


async def test_clicks_and_forms_are_told_by_attributes(visitor: Visitor) -> None:
    visitor.put(
        body="""
        <button data-touchpath="Plan Chosen" data-touchpath-plan="pro" data-touchpath-plan-price="9.90">
            <svg width="20" height="20"><circle r="9" id="inner"></circle></svg></button>
        <form id="news" data-touchpath="Newsletter Subscribed" action="javascript:void 0">
            <input name="email" value="ada@example.org"><button id="send">Send</button></form>
        <a id="plain" href="#x">no attribute</a>
        <div id="host"></div>
        <script>
          host.attachShadow({mode: "open"}).innerHTML = "<b data-touchpath='Shadow Clicked'>here</b>";
          document.querySelector("form").addEventListener("submit", (event) => event.stopPropagation());
        </script>"""
    )
    page = await visitor.go()
    await page.locator("#inner").dispatch_event("click")
    await page.click("#send")
    await page.click("#plain")
    await page.click("#host b")
    events = [event for event in await visitor.last(page) if event["touchpoint"] != "page_view"]
    assert [event["name"] for event in events] == ["Plan Chosen", "Newsletter Subscribed", "Shadow Clicked"]
    assert events[0]["properties"] | {"plan": "pro", "plan_price": "9.90"} == events[0]["properties"]
    assert events[1]["properties"]["form"] == "news"
    assert "ada@example.org" not in str(visitor.events), "what people write into a form stays there"


async def test_an_order_is_sent_with_its_items_and_is_unverified_until_a_trusted_source_names_it(
    visitor: Visitor,
) -> None:
    visitor.put("/thanks", 'data-consent="persistent"')
    order = """touchpath.order({order_id: "W-1", revenue: 129.9, currency: "EUR",
        products: [{product_id: "lamp", price: 99.9, quantity: 1}, {product_id: "bulb", price: 10, quantity: 3}]})"""
    page = await visitor.go("/thanks")
    await page.evaluate(order)
    await visitor.wait(2)
    await page.reload()
    await page.wait_for_function("touchpath.version")
    await page.evaluate(order)
    orders = [event for event in await visitor.last(page) if event["touchpoint"] == "order_completed"]
    assert len(orders) == 1, "the same thank-you page again is the same purchase"
    assert (orders[0]["order_id"], orders[0]["amount"]) == ("W-1", {"amount": "129.90", "currency": "EUR"})
    assert [item["product"] for item in orders[0]["body"]["items"]] == ["lamp", "bulb"]
    assert orders[0]["verified"] is False


async def test_a_page_that_comes_back_from_the_browsers_memory_is_seen_again(visitor: Visitor) -> None:
    visitor.put()
    page = await visitor.go()
    await visitor.wait(1)
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    assert len(await visitor.last(page)) == 2


async def test_a_page_that_is_loaded_in_advance_counts_when_it_is_shown(visitor: Visitor) -> None:
    visitor.put()
    await visitor.context.add_init_script("Object.defineProperty(document, 'prerendering', {value: true})")
    page = await visitor.go()
    await page.evaluate("touchpath.track('Waits')")
    assert visitor.events == []
    await page.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
    await visitor.wait(2)


async def test_loading_it_twice_is_harmless(visitor: Visitor) -> None:
    again = visitor.script('data-consent="persistent"')
    visitor.put(attributes='data-consent="persistent"', body='<b data-touchpath="Clicked">x</b>' + again)
    page = await visitor.go()
    await visitor.wait(1)
    await page.add_script_tag(url=f"{visitor.stage.collector}/touchpath.js")
    await page.click("b")
    seen = await visitor.last(page)
    assert [event["touchpoint"] for event in seen] == ["page_view", "clicked"]
    assert len({*anonymous(seen[0]), *anonymous(seen[1])}) == 1


async def test_a_tag_manager_that_drops_attributes_configures_it_by_a_call(visitor: Visitor) -> None:
    visitor.put(script="")
    page = await visitor.context.new_page()
    await page.goto(visitor.stage.url())
    await page.evaluate("key => window.touchpath = [['track', 'Before'], ['init', {key}]]", visitor.key)
    await page.add_script_tag(url=f"{visitor.stage.collector}/touchpath.js")
    await page.evaluate("touchpath.track('After')")
    await visitor.wait(3)
    assert sorted(visitor.names) == ["After", "Before", "page_view"]


async def test_parameters_that_a_page_hides_are_never_sent(visitor: Visitor) -> None:
    link = '<a data-touchpath="Followed" href="#?token=other">x</a>'
    visitor.put("/login", 'data-hide="token email"', body=link)
    page = await visitor.go("/login?token=s3cret&a=1&email=ada@example.org", referer="https://x.example.org/?email=a")
    await page.click("a")
    seen, followed = await visitor.wait(2)
    assert seen["body"]["url"] == visitor.stage.url("/login?token=redacted&a=1&email=redacted")
    assert seen["body"]["referrer"] == "https://x.example.org/?email=redacted"
    assert followed["properties"]["link_url"].endswith("#?token=redacted")


async def test_a_mistake_in_one_call_takes_nothing_from_the_page(visitor: Visitor) -> None:
    visitor.put()
    page = await visitor.go()
    await page.evaluate("touchpath.push(42, null, ['track'], function () { throw new Error('theirs') })")
    await page.evaluate("touchpath.consent('no such level'); touchpath.order(); touchpath.identify()")
    await page.evaluate("const circle = {}; circle.self = circle; touchpath.track('Circle', circle)")
    await page.evaluate("const plan = {name: 'pro'}; touchpath.track('Chosen', plan); plan.name = 'changed later'")
    [chosen] = [event for event in await visitor.last(page) if event.get("name") == "Chosen"]
    assert chosen["properties"]["name"] == "pro"
    assert "Circle" not in visitor.names
