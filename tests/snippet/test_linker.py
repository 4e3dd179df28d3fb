"""The id is carried over from one of our domains to another, and to nobody else, for two minutes."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page

from tests.snippet.rig import Visitor, anonymous

pytestmark = pytest.mark.asyncio(loop_scope="session")

BRAND = "brand.localhost"
LINKED = f'data-consent="persistent" data-domains="shop.localhost, {BRAND}"'
CARRIED = re.compile(r"[?&]_tp=[0-9a-f-]{36}\.[0-9a-z]+")


def links(visitor: Visitor) -> str:
    there = visitor.stage.url("/there", BRAND)
    stranger = visitor.stage.url("/there", "stranger.localhost")
    return f"""
        <a id="ours" href="{there}?size=a%20b&_tp=old#prices">ours</a>
        <a id="sub" href="{visitor.stage.url("/there", "m." + BRAND)}">a part of ours</a>
        <a id="same" href="/there">the same host</a>
        <a id="stranger" href="{stranger}">somebody else's</a>
        <a id="alike" href="{visitor.stage.url("/there", "not" + BRAND)}">only looks like ours</a>
        <form id="get" action="{there}"><input name="q" value="lamp"><button id="search">search</button></form>
        <form id="post" action="{there}" method="POST"><button id="pay">pay</button></form>"""


async def follow(visitor: Visitor, click: str, known: int = 0) -> tuple[Page, str]:
    """Open our page, click, and give the page that follows with the address that it was asked for."""
    visitor.put("/here", LINKED, body=links(visitor))
    visitor.put("/there", LINKED)
    page = await visitor.go("/here")
    await visitor.wait(known + 1)
    async with page.expect_request(lambda request: "/there" in request.url) as asked:
        await page.click(click)
    url = (await asked.value).url
    await page.wait_for_function("location.pathname === '/there' && window.touchpath && touchpath.version")
    return page, url


@pytest.mark.parametrize("click", ["#ours", "#sub", "#search", "#pay"])
async def test_on_another_of_our_domains_a_visitor_stays_the_same(visitor: Visitor, click: str) -> None:
    page, url = await follow(visitor, click)
    assert CARRIED.search(url)
    here, there = await visitor.wait(2)
    assert anonymous(here) == anonymous(there)
    assert "_tp" not in page.url, "the address bar does not show it"
    assert "_tp" not in there["body"]["url"]
    if click == "#ours":
        assert page.url == visitor.stage.url("/there?size=a%20b#prices", BRAND), "nothing else of it has changed"
    if click == "#search":
        assert "q=lamp" in there["body"]["url"]


@pytest.mark.parametrize("click", ["#stranger", "#alike", "#same"])
async def test_nobody_else_gets_the_id(visitor: Visitor, click: str) -> None:
    _, url = await follow(visitor, click)
    assert "_tp" not in url


async def test_without_an_id_nothing_is_carried_over(visitor: Visitor) -> None:
    visitor.put("/here", f'data-domains="{BRAND}"', body=links(visitor))
    page = await visitor.go("/here")
    async with page.expect_request(lambda request: "/there" in request.url) as asked:
        await page.click("#ours")
    assert CARRIED.search((await asked.value).url) is None


@pytest.mark.parametrize(
    ("age", "referrer", "taken"),
    [
        (100, "shop.localhost", True),
        (140, "shop.localhost", False),
        (-140, "shop.localhost", False),
        (10, "stranger.localhost", False),
        (10, None, False),
    ],
    ids=["fresh", "too old", "from the future", "a stranger's link", "from nowhere"],
)
async def test_only_a_fresh_id_that_comes_from_a_page_of_ours_is_taken(
    visitor: Visitor, age: int, referrer: str | None, taken: bool
) -> None:
    visitor.put("/there", LINKED)
    page = await visitor.context.new_page()
    made = await page.evaluate("age => Math.floor(Date.now() / 1000 - age).toString(36)", age)
    carried = "11111111-2222-4333-8444-555555555555"
    origin = visitor.stage.url("/", referrer) if referrer else None
    await page.goto(visitor.stage.url(f"/there?_tp={carried}.{made}", BRAND), referer=origin)
    [seen] = await visitor.wait(1)
    assert (anonymous(seen) == [carried]) is taken
    assert page.url == visitor.stage.url("/there", BRAND)


async def test_a_visitor_whom_the_other_domain_knows_keeps_its_id_and_the_two_are_linked(visitor: Visitor) -> None:
    visitor.put("/there", LINKED)
    page = await visitor.go("/there", host=BRAND)
    [known] = await visitor.wait(1)
    await page.close()
    await follow(visitor, "#ours", known=1)
    await visitor.wait(4)
    [alias] = [event for event in visitor.events if event["touchpoint"] == "identified"]
    here = next(event for event in visitor.events if event["body"]["path"] == "/here")
    assert anonymous(alias) == [*anonymous(known), *anonymous(here)]


async def test_what_is_carried_over_waits_for_consent_on_the_other_side(visitor: Visitor) -> None:
    visitor.put("/here", LINKED, body=links(visitor))
    visitor.put("/there", f'data-consent="hold" data-domains="shop.localhost {BRAND}"')
    page = await visitor.go("/here")
    [here] = await visitor.wait(1)
    await page.click("#ours")
    await page.wait_for_function("location.pathname === '/there' && window.touchpath && touchpath.version")
    assert await page.evaluate("document.cookie + localStorage.length") == "0"
    await page.evaluate("touchpath.consent(true)")
    _, there, _ = await visitor.wait(3)
    assert anonymous(there) == anonymous(here)
