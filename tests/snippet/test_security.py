"""A strict content security policy and a hash of the script: both hold, and the snippet works under them."""

from __future__ import annotations

import pytest

from producers.collector.snippet import build
from tests.snippet.rig import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")


def strict(visitor: Visitor, *, connect: str | None = None) -> dict[str, str]:
    """The policy of the snippet's README: nothing is allowed but what is named."""
    allowed = visitor.stage.collector if connect is None else connect
    policy = f"default-src 'none'; script-src 'nonce-r4nd0m'; connect-src {allowed}; form-action 'self'; img-src data:"
    return {"Content-Security-Policy": policy}


async def test_it_works_under_a_strict_policy_and_breaks_none_of_it(visitor: Visitor) -> None:
    script = visitor.script('nonce="r4nd0m" data-consent="persistent" data-domains="brand.localhost"')
    head = """<script nonce="r4nd0m">
        window.violations = [];
        addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
        window.touchpath = window.touchpath || [];
        touchpath.push(["track", "Early"]);</script>"""
    body = '<b data-touchpath="Clicked">x</b><a href="http://brand.localhost:1/" id="away">away</a>'
    visitor.put(script=script, head=head, body=body, headers=strict(visitor))
    page = await visitor.go()
    await page.click("b")
    await page.evaluate("history.pushState({}, '', '/next')")
    await visitor.wait(4)
    assert sorted(visitor.names) == ["Clicked", "Early", "page_view", "page_view"]
    await page.evaluate("touchpath.track('Hidden'); dispatchEvent(new Event('pagehide'))")
    await visitor.wait(5)
    assert await page.evaluate("violations") == []


async def test_a_policy_without_the_nonce_keeps_it_out(visitor: Visitor) -> None:
    visitor.put(headers=strict(visitor))
    page = await visitor.context.new_page()
    async with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        await page.goto(visitor.stage.url())
    assert await page.evaluate("typeof touchpath") == "undefined"


async def test_a_policy_that_names_another_host_to_send_to_harms_nothing_but_the_sending(visitor: Visitor) -> None:
    visitor.put(script=visitor.script('nonce="r4nd0m"'), headers=strict(visitor, connect="'self'"))
    page = await visitor.context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    async with page.expect_console_message(lambda message: "connect-src" in message.text):
        await visitor.go(page=page)
    assert errors == []
    assert visitor.requests == []


def hashed(visitor: Visitor, integrity: str) -> str:
    source = f"{visitor.stage.collector}/touchpath-{build().digest}.js"
    attributes = f'integrity="{integrity}" crossorigin="anonymous" data-key="{visitor.key}"'
    return f'<script async src="{source}" {attributes}></script>'


async def test_with_its_hash_it_is_run(visitor: Visitor) -> None:
    visitor.put(script=hashed(visitor, build().integrity))
    await visitor.go()
    await visitor.wait(1)


async def test_with_another_hash_it_is_not(visitor: Visitor) -> None:
    visitor.put(script=hashed(visitor, "sha384-" + "A" * 64))
    page = await visitor.context.new_page()
    async with page.expect_console_message(lambda message: "integrity" in message.text):
        await page.goto(visitor.stage.url())
    assert await page.evaluate("typeof touchpath") == "undefined"


async def test_a_browser_that_forbids_every_storage_is_still_seen(visitor: Visitor) -> None:
    visitor.put(
        attributes='data-consent="persistent"',
        head="""<script>
            for (const name of ["localStorage", "sessionStorage"])
                Object.defineProperty(window, name, {get() { throw new DOMException("no", "SecurityError"); }});
        </script>""",
    )
    page = await visitor.go()
    await visitor.wait(1)
    await page.evaluate("touchpath.identify('C-1'); touchpath.consent(false)")
    await visitor.wait(3)


async def test_without_https_an_id_is_still_a_random_uuid(visitor: Visitor) -> None:
    visitor.put(attributes='data-consent="persistent"', head="<script>crypto.randomUUID = undefined</script>")
    page = await visitor.go()
    [seen] = await visitor.wait(1)
    found = await page.evaluate("touchpath.id()")
    assert found[14] == "4"
    assert found[19] in "89ab"
    assert seen["event_id"][14] == "4"
