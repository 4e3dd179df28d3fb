"""Where a visitor came from, by the default catalogue's rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest

from producers.adapters.adapter import Context, HookRequest
from producers.adapters.finish import outcome_of
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Sender
from producers.adapters.web.channel.agent import agent_of
from producers.adapters.web.channel.referrers import referrer_of
from producers.adapters.web.channel.rules import channel_of
from producers.adapters.web.segment import outcome_of as segment_outcome
from schemas.bodies import WebBody
from schemas.catalogue import WebSettings, load
from schemas.outcome import Accepted, Outcome
from schemas.touchpoint import Campaign

WEB = load().web
PAGE = "https://www.shop.example/products/1"


@pytest.mark.parametrize(
    ("address", "kind", "name"),
    [
        ("https://www.google.com/", "search", "Google"),
        ("https://www.google.co.uk/search?q=shoes", "search", "Google"),
        ("https://de.search.yahoo.com/", "search", "Yahoo!"),
        ("https://duckduckgo.com/", "search", "DuckDuckGo"),
        ("https://gemini.google.com/app", "ai", "Gemini"),
        ("https://chatgpt.com/", "ai", "ChatGPT"),
        ("https://www.perplexity.ai/search", "ai", "Perplexity"),
        ("https://x.com/i/grok", "ai", "Grok"),
        ("https://x.com/someone", "social", "X"),
        ("https://l.facebook.com/l.php?u=x", "social", "Facebook"),
        ("android-app://com.google.android.googlequicksearchbox/", "search", "Google"),
        ("https://blog.example.org/post", "other", "blog.example.org"),
    ],
)
def test_a_referrer_is_known_by_its_host(address: str, kind: str, name: str) -> None:
    found = referrer_of(address)
    assert found is not None
    assert found.kind == kind
    assert found.name.lower().startswith(name.lower()) or name == "X"


@pytest.mark.parametrize("address", ["", "about:blank", "https://", "https://localhost/", "[::", "mailto:a@b.example"])
def test_what_is_no_address_of_a_site_is_no_referrer(address: str) -> None:
    assert referrer_of(address) is None


@pytest.mark.parametrize(
    ("url", "referrer", "campaign", "channel"),
    [
        (PAGE, None, None, None),
        (PAGE, "https://www.google.de/", None, "search"),
        (PAGE, "https://claude.ai/", None, "ai_assistant"),
        (PAGE, "https://www.instagram.com/", None, "social"),
        (PAGE, "https://magazine.example.net/a", None, "referral"),
        (PAGE, "https://mail.google.com/mail/u/0", None, "email"),
        (f"{PAGE}?gclid=abc", None, None, "search"),
        (f"{PAGE}?fbclid=abc", "https://l.facebook.com/", None, "social"),
        (f"{PAGE}?fbclid=abc", None, None, "social"),
        (PAGE, "https://www.google.de/", Campaign(medium="email", source="news"), "email"),
        (PAGE, None, Campaign(medium="CPC", source="google"), "search"),
        (PAGE, None, Campaign(medium="cpc", source="facebook"), "social"),
        (PAGE, None, Campaign(medium="paid_social", source="facebook"), "social"),
        (PAGE, None, Campaign(medium="Paid Social", source="xing"), "social"),
        (PAGE, None, Campaign(medium="organic-social"), "social"),
        (PAGE, None, Campaign(medium="paid_search", source="bing"), "search"),
        (PAGE, None, Campaign(medium="paid_video"), "display"),
        (PAGE, None, Campaign(medium="e_mail"), "email"),
        (PAGE, None, Campaign(medium="direct_mail"), "direct_mail"),
        (PAGE, None, Campaign(medium="banner"), "display"),
        (PAGE, None, Campaign(medium="Affiliate"), "affiliate"),
        (PAGE, None, Campaign(source="chatgpt.com"), "ai_assistant"),
        (PAGE, None, Campaign(name="spring"), None),
        # From ourselves, from the till and from the log-in nobody comes.
        (PAGE, "https://shop.example/", None, None),
        (PAGE, "https://checkout.www.shop.example/pay", None, None),
        (PAGE, "https://www.paypal.com/checkoutnow", None, None),
        (PAGE, "https://accounts.google.com/signin", None, None),
    ],
)
def test_the_first_rule_that_fits_gives_the_channel(
    url: str, referrer: str | None, campaign: Campaign | None, channel: str | None
) -> None:
    assert channel_of(WEB, url, referrer, campaign) == channel


def test_our_other_domains_are_no_referrers() -> None:
    web = WEB.model_copy(update={"own_domains": ("shop.example.net",)})
    assert channel_of(WEB, PAGE, "https://www.shop.example.net/", None) == "referral"
    assert channel_of(web, PAGE, "https://www.shop.example.net/", None) is None


def test_without_rules_nothing_is_derived() -> None:
    assert channel_of(WebSettings(), PAGE, "https://www.google.de/", None) is None


@pytest.mark.parametrize(
    ("text", "browser", "bot"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "Chrome", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", True),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
         None, True),
        ("curl/8.5.0", "curl", True),
        ("", None, False),
    ],
)  # fmt: skip
def test_a_user_agent_says_browser_and_machine(text: str, browser: str | None, bot: bool) -> None:
    agent = agent_of(text)
    assert agent.bot is bot
    assert browser is None or agent.browser == browser


CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
ARRIVAL = datetime(2026, 5, 1, 12, tzinfo=UTC)


def by_segment() -> Outcome:
    event = {
        "type": "page",
        "userId": "c1",
        "context": {"page": {"url": PAGE, "referrer": "https://www.google.de/"}, "userAgent": CHROME},
    }
    return segment_outcome(orjson.dumps(event), "page", Sender("shop", "x"), ARRIVAL, load())


def by_snowplow() -> Outcome:
    hit = {"e": "pv", "p": "web", "aid": "shop", "url": PAGE, "refr": "https://www.google.de/", "ua": CHROME}
    request = HookRequest(orjson.dumps({"data": [hit | {"dtm": "1777636800000"}]}), {}, (), "https://x.example/i")
    context = Context(Sender("shop", "x"), ARRIVAL, load())
    pieces = ADAPTERS["snowplow"].pieces
    assert pieces is not None
    return outcome_of(ADAPTERS["snowplow"], next(pieces(request, context)), context)


@pytest.mark.parametrize("sent", [by_segment, by_snowplow])
def test_a_page_view_has_the_channel_and_the_agent_whoever_sends_it(sent: Callable[[], Outcome]) -> None:
    outcome = sent()
    assert isinstance(outcome, Accepted)
    touchpoint = outcome.touchpoint
    assert (touchpoint.touchpoint, touchpoint.channel) == ("page_view", "search")
    assert isinstance(touchpoint.body, WebBody)
    assert (touchpoint.body.browser, touchpoint.body.system, touchpoint.body.bot) == ("Chrome", "Linux", False)
