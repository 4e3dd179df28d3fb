"""Nothing that was seen is lost on its way, nothing is doubled, and a collector in trouble is left in peace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page, Request
from starlette.responses import JSONResponse

from tests.snippet.rig import Visitor, anonymous, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PERSISTENT = 'data-consent="persistent"'


def answer(status: int, **headers: str) -> JSONResponse:
    return JSONResponse(
        {"code": "x", "message": "x"}, status, {name.replace("_", "-"): v for name, v in headers.items()}
    )


async def stopped(page: Page, seconds: int = 1_800_000_000) -> None:
    """Stop the page's clock, at seconds since 1970; it goes on only by `clock.run_for`."""
    await page.clock.install(time=seconds - 10)
    await page.clock.pause_at(seconds)


async def waiting(page: Page) -> list[dict[str, Any]]:
    """What the browser keeps to be sent."""
    texts = await page.evaluate(
        "Object.keys(localStorage).filter(n => n.startsWith('tp_queue.')).map(n => localStorage[n])"
    )
    return [event for text in texts for event in json.loads(text)["events"]]


async def due(page: Page) -> int:
    """Wait until the page has put off its next try, and give the milliseconds that it still waits."""
    left = """() => {
        const kept = Object.keys(localStorage).filter((name) => name.startsWith("tp_queue."));
        const wait = Math.max(...kept.map((name) => JSON.parse(localStorage[name]).notBefore)) - Date.now();
        return wait > 0 && Math.ceil(wait);
    }"""
    found: int = await (await page.wait_for_function(left)).json_value()
    return found


async def test_what_happens_at_the_last_moment_arrives_while_the_page_is_left(visitor: Visitor) -> None:
    visitor.put(attributes='data-pages="off"')
    visitor.put("/other", script="")
    page = await visitor.go()
    await page.evaluate("addEventListener('pagehide', () => touchpath.track('Left'), true); touchpath.track('Going')")
    await page.goto(visitor.stage.url("/other"))
    await visitor.wait(2)
    assert visitor.names == ["Going", "Left"]


async def test_the_browser_is_handed_what_waits_when_the_page_is_hidden(visitor: Visitor) -> None:
    visitor.put(attributes='data-pages="off"')
    page = await visitor.go()
    await stopped(page)  # so no timer of ours can have sent it
    await page.evaluate(
        """() => {
            touchpath.track("Hidden");
            Object.defineProperty(document, "visibilityState", {value: "hidden"});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    await visitor.wait(1)


async def test_many_events_at_the_last_moment_go_in_parts_that_a_browser_takes(visitor: Visitor) -> None:
    visitor.put(attributes='data-pages="off"')
    visitor.put("/other", script="")
    page = await visitor.go()
    await page.evaluate("for (let n = 0; n < 60; n++) touchpath.track('Event ' + n, {text: 'x'.repeat(700)})")
    await page.goto(visitor.stage.url("/other"))
    await visitor.wait(60)


async def test_what_is_seen_offline_is_sent_when_the_way_is_back(visitor: Visitor) -> None:
    visitor.put(attributes=PERSISTENT)
    page = await visitor.context.new_page()
    await stopped(page)
    await visitor.go(page=page)
    await page.clock.run_for(100)
    await visitor.wait(1)
    await visitor.context.set_offline(True)
    async with page.expect_event("requestfailed"):
        await page.evaluate("touchpath.track('Offline')")
        await page.clock.run_for(100)
    assert [event["event"] for event in await waiting(page)] == ["Offline"]
    assert await due(page) > 500
    await visitor.context.set_offline(False)
    await page.clock.run_for(100)  # at once, not when it would have tried again
    await visitor.wait(2)
    assert visitor.names == ["page_view", "Offline"]
    await until(lambda: visitor.requests[-1].status == 200, lambda: "the answer")
    await page.wait_for_function("!Object.keys(localStorage).some(name => name.startsWith('tp_queue.'))")


async def test_what_was_seen_offline_outlives_its_page(visitor: Visitor) -> None:
    visitor.put(attributes=PERSISTENT)
    page = await visitor.go()
    await visitor.wait(1)
    await visitor.context.set_offline(True)
    await page.evaluate("touchpath.track('Offline')")
    await page.close()
    await visitor.context.set_offline(False)
    await visitor.go()
    events = await visitor.wait(3)
    assert [event.get("name") for event in events] == [None, "Offline", None]
    assert len({value for event in events for value in anonymous(event)}) == 1


async def test_without_consent_what_waits_stays_in_memory(visitor: Visitor) -> None:
    visitor.put()
    page = await visitor.go()
    await visitor.wait(1)
    await visitor.context.set_offline(True)
    async with page.expect_event("requestfailed"):
        await page.evaluate("touchpath.track('Offline')")
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    await visitor.context.set_offline(False)
    await visitor.wait(2)


async def test_a_collector_that_says_503_gets_everything_once_when_it_is_back(visitor: Visitor) -> None:
    visitor.stage.door.memory.down = True
    visitor.put(attributes=PERSISTENT)
    page = await visitor.go()
    await visitor.asked(1)
    await page.evaluate("touchpath.track('Meanwhile')")
    visitor.stage.door.memory.down = False
    await visitor.wait(2)
    assert [asked.status for asked in await visitor.asked(2)] == [503, 200]
    await visitor.last(page)
    assert visitor.names == ["page_view", "Meanwhile", "Last"]


@pytest.mark.parametrize("dated", [False, True])
async def test_a_collector_that_names_a_time_is_left_in_peace_until_then(visitor: Visitor, dated: bool) -> None:
    visitor.put(attributes=PERSISTENT + ' data-pages="off"')
    page = await visitor.context.new_page()
    await stopped(page)
    moment = "Fri, 15 Jan 2027 08:02:01 GMT"  # 121 s later
    visitor.answers(answer(429, Retry_After=moment if dated else "120"))
    await visitor.go(page=page)
    await page.evaluate("touchpath.track('Patient')")
    await page.clock.run_for(1_000)
    await visitor.asked(1)
    wait = await due(page)
    assert 119_000 <= wait <= 151_000
    await page.evaluate("touchpath.track('Too')")
    await page.clock.run_for(wait - 100)
    assert len(visitor.requests) == 1
    await page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert len(await waiting(page)) == 2
    await page.clock.run_for(200)
    await visitor.wait(2)
    assert [asked.status for asked in await visitor.asked(2)] == [429, 200]


async def test_a_page_that_follows_keeps_the_peace_too(visitor: Visitor) -> None:
    visitor.put(attributes=PERSISTENT)
    page = await visitor.context.new_page()
    await stopped(page)
    visitor.answers(answer(503, Retry_After="120"))
    await visitor.go(page=page)
    await page.clock.run_for(1_000)
    await visitor.asked(1)
    await due(page)
    await page.reload()
    await page.wait_for_function("window.touchpath && touchpath.version")
    wait = await due(page)
    await page.clock.run_for(wait - 100)
    assert len(visitor.requests) == 1
    await page.clock.run_for(200)
    await visitor.wait(2)


async def test_each_try_waits_about_twice_as_long_as_the_one_before(visitor: Visitor) -> None:
    visitor.put(attributes=PERSISTENT + ' data-pages="off"')
    page = await visitor.context.new_page()
    await stopped(page)
    visitor.answers(*(answer(500) for _ in range(5)))
    await visitor.go(page=page)
    await page.evaluate("touchpath.track('Stubborn')")
    await page.clock.run_for(100)
    for number in range(5):
        await visitor.asked(number + 1)
        wait = await due(page)
        assert 600 * 2**number <= wait <= 1000 * 2**number
        await page.clock.run_for(wait + 50)
    await visitor.wait(1)


async def test_a_wrong_key_is_told_once_and_nothing_more_is_sent(visitor: Visitor) -> None:
    visitor.key = "wrong"
    visitor.put(attributes=PERSISTENT)
    page = await visitor.context.new_page()
    await stopped(page)
    async with page.expect_console_message(lambda message: "write key" in message.text):
        await visitor.go(page=page)
        await page.clock.run_for(1_000)
    await page.evaluate("touchpath.track('More'); dispatchEvent(new Event('online'))")
    await page.clock.run_for(3_600_000)
    await page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert [asked.status for asked in visitor.requests] == [401]


@pytest.mark.parametrize("status", [400, 413])
async def test_what_the_collector_will_never_take_is_not_sent_again(visitor: Visitor, status: int) -> None:
    visitor.put()
    visitor.answers(answer(status))
    page = await visitor.context.new_page()
    async with page.expect_console_message(lambda message: str(status) in message.text):
        await visitor.go(page=page)
    assert await visitor.last(page) == []
    assert [asked.status for asked in await visitor.asked(2)] == [status, 200]


async def test_no_more_than_a_bound_waits_and_the_newest_stay(visitor: Visitor) -> None:
    visitor.put(attributes=PERSISTENT + ' data-queue="5" data-pages="off"')
    page = await visitor.go()
    await visitor.context.set_offline(True)
    await page.evaluate("for (let n = 0; n < 12; n++) touchpath.track('Event ' + n)")
    assert [event["event"] for event in await waiting(page)] == [f"Event {n}" for n in range(7, 12)]
    await visitor.context.set_offline(False)
    await visitor.wait(5)


async def test_a_clock_that_runs_wrong_is_set_right_by_the_collector(visitor: Visitor) -> None:
    visitor.put()
    page = await visitor.context.new_page()
    await stopped(page, 1_600_000_000)  # the year 2020
    await visitor.go(page=page)
    await page.clock.run_for(1_000)
    [seen] = await visitor.wait(1)
    assert seen["occurred_at"][:16] <= seen["received_at"][:16]
    assert seen["occurred_at"][:4] == seen["received_at"][:4]


async def test_a_message_has_an_id_of_its_own_and_the_same_in_every_try(visitor: Visitor) -> None:
    visitor.answers(answer(500))
    visitor.put(attributes='data-pages="off"')
    page = await visitor.go()
    bodies: list[Any] = []

    def sent(request: Request) -> None:
        bodies.append(request.post_data_json)

    page.on("request", sent)
    await page.evaluate("touchpath.track('Once')")
    [event] = await visitor.wait(1)
    await until(lambda: len(bodies) == 2, lambda: f"two requests; there are {bodies}")
    first, second = (body["batch"][0] for body in bodies)
    assert first == second
    assert event["event_id"] == first["messageId"]
