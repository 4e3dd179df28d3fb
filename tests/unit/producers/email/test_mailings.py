"""What each provider's events become: the touchpoint, whose it is, the mailing, the campaign, and machines apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from producers.adapters.adapter import Context, HookRequest
from producers.adapters.email import mail
from producers.adapters.finish import outcome_of
from producers.adapters.payload import Node
from producers.adapters.registry import ADAPTERS
from producers.adapters.sender import Limits, Sender
from schemas.bodies import EmailBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.touchpoint import Campaign, Touchpoint

EXAMPLES = Path(__file__).parents[3] / "examples"
CATALOGUE = load()
CONTEXT = Context(
    Sender("shop", "http:/hooks/x", zone=ZoneInfo("Europe/Berlin")), datetime(2026, 11, 22, tzinfo=UTC), CATALOGUE
)
MAIL = [name for name, adapter in ADAPTERS.items() if adapter.area == "email"]
HOOKS = [name for name in MAIL if ADAPTERS[name].hook is not None]


def outcomes(name: str, body: bytes) -> list[Outcome]:
    adapter = ADAPTERS[name]
    assert adapter.pieces is not None
    request = HookRequest(body, {}, (), "https://door.example/")
    return [outcome_of(adapter, piece, CONTEXT) for piece in adapter.pieces(request, CONTEXT)]


def taken(name: str, body: object) -> list[Touchpoint]:
    found = outcomes(name, body if isinstance(body, bytes) else orjson.dumps(body))
    assert all(isinstance(one, Accepted) for one in found), found
    return [one.touchpoint for one in found if isinstance(one, Accepted)]


def reason(name: str, body: object) -> str:
    (found,) = outcomes(name, orjson.dumps(body))
    assert isinstance(found, Quarantined)
    return found.record.reason


def examples(name: str, pattern: str = "*") -> Iterator[Touchpoint]:
    for path in sorted((EXAMPLES / name).glob(pattern)):
        yield from taken(name, path.read_bytes())


def example(path: str) -> Touchpoint:
    (found,) = taken(path.partition("/")[0], (EXAMPLES / path).read_bytes())
    return found


def body(touchpoint: Touchpoint) -> EmailBody:
    assert isinstance(touchpoint.body, EmailBody)
    return touchpoint.body


# ---- for all of them

NEVER_TOLD = {"postmark": {mail.SENT}, "mailjet": {mail.SENT}}


@pytest.mark.parametrize("name", HOOKS)
def test_each_provider_tells_of_all_that_can_happen_to_a_mailing(name: str) -> None:
    wanted = {
        mail.SENT,
        mail.DELIVERED,
        mail.OPENED,
        mail.CLICKED,
        mail.BOUNCED,
        mail.COMPLAINED,
        mail.UNSUBSCRIBED,
    }
    assert wanted - {one.touchpoint for one in examples(name)} == NEVER_TOLD.get(name, set())


@pytest.mark.parametrize("name", HOOKS)
def test_each_event_of_one_recipient_is_known_by_the_address(name: str) -> None:
    for one in examples(name):
        several = one.properties.get("recipients") is not None
        assert [identifier.kind for identifier in one.identifiers] == ([] if several else ["email"])
        assert all(identifier.value == identifier.value.lower() for identifier in one.identifiers)


@pytest.mark.parametrize("name", HOOKS)
def test_every_click_has_its_link_and_its_campaign(name: str) -> None:
    clicks = [one for one in examples(name) if one.touchpoint == mail.CLICKED]
    assert clicks
    for one in clicks:
        assert (body(one).link or "").startswith("https://shop.example/")
        assert one.campaign is not None


@pytest.mark.parametrize("name", [name for name in HOOKS if name not in {"mandrill", "resend", "mailersend"}])
def test_an_opening_by_a_machine_is_flagged_and_one_by_a_person_is_not(name: str) -> None:
    found = {body(one).machine for one in examples(name) if one.touchpoint == mail.OPENED}
    assert found == {True, False} or (name == "postmark" and found == {True})


@pytest.mark.parametrize("name", HOOKS)
def test_what_a_machine_does_and_what_is_no_contact_earns_no_credit(name: str) -> None:
    for one in examples(name):
        entry = CATALOGUE.entry(one.touchpoint)
        credited = entry is not None and (entry.credit or entry.visit)
        assert credited == (one.touchpoint == mail.CLICKED)
        assert not (credited and body(one).machine)


@pytest.mark.parametrize("name", HOOKS)
def test_no_address_of_a_device_is_kept(name: str) -> None:
    for one in examples(name):
        text = orjson.dumps(one.properties).decode()
        assert not any(ip in text for ip in ("255.255.255.255", "50.56.129.169", "192.0.2.", "127.0.", "194.73."))


@pytest.mark.parametrize("name", HOOKS)
def test_events_of_the_examples_have_ids_of_their_own(name: str) -> None:
    first_told_twice = {"mailersend": 2}.get(name, 0) + (1 if name == "mandrill" else 0)  # the click is there twice
    found = [one.event_id for one in examples(name)]
    assert len(found) - len(set(found)) == first_told_twice


@pytest.mark.parametrize(
    ("name", "event", "expected"),
    [
        ("sendgrid", [{"event": "teleported"}], "$[0].event: 'teleported' is none of processed"),
        ("mailgun", {"event-data": {"event": "teleported"}}, "$.event-data.event: 'teleported' is none of accepted"),
        ("ses", {"eventType": "Teleported"}, "$.eventType: 'Teleported' is none of Send"),
        ("postmark", {"RecordType": "Teleported"}, "$.RecordType: 'Teleported' is none of Delivery"),
        ("brevo", {"event": "teleported"}, "$.event: 'teleported' is none of request"),
        ("mandrill", {"event": "teleported"}, "$.event: 'teleported' is none of send"),
        ("sparkpost", [{"msys": {"x": {"type": "no"}}}], "$[0].msys.x.type: 'no' is none of injection"),
        ("sparkpost", [{"msys": []}], "$[0].msys: not an object"),
        ("resend", {"type": "domain.created"}, "$.type: 'domain.created' is none of email.sent"),
        ("mailersend", {"type": "teleported"}, "$.type: 'teleported' is none of activity.sent"),
        ("mailjet", {"event": "teleported"}, "$.event: 'teleported' is none of sent"),
        ("sendgrid", [{"event": "open", "timestamp": "soon"}], "$[0].timestamp: not a time"),
        ("mandrill", {"event": "open", "ts": 1, "msg": 5}, "$.msg: not an object"),
    ],
)
def test_what_is_not_known_is_kept_with_the_path_and_what_would_be(name: str, event: object, expected: str) -> None:
    assert reason(name, event).startswith(expected)


# ---- campaigns


def test_what_the_provider_says_goes_before_metadata_then_tags_then_the_link() -> None:
    link = "https://shop.example/?utm_campaign=link&utm_source=newsletter"
    of = mail.campaign_of
    assert of("own", {"utm_campaign": "meta"}, ["tag"], link) == Campaign(name="own", source="newsletter")
    assert of(None, {"UTM_Campaign": "meta", "utm_source": "m"}, ["tag"], link) == Campaign(name="meta", source="m")
    assert of(None, {"campaign": "meta"}, ["tag"], None) == Campaign(name="meta")
    assert of(None, {}, ["tag"], link) == Campaign(name="tag", source="newsletter")
    assert of(None, {}, [], link) == Campaign(name="link", source="newsletter")
    assert of(None, {"utm_campaign": " ", "utm_term": True}, [], "https://shop.example/?utm_campaign=") is None


@pytest.mark.parametrize(
    "link", [None, "", "nonsense", "http://[utm_", "https://x/?utm_&=&utm_campaign", "utm_" * 5000]
)
def test_a_link_that_says_nothing_gives_no_campaign(link: str | None) -> None:
    assert mail.utm_of_link(link) == {}


def test_a_campaign_that_is_too_long_is_cut() -> None:
    link = f"https://shop.example/?utm_campaign={'x' * 600}&utm_medium=%20email%20"
    assert mail.utm_of_link(link) == {"name": "x" * 500, "medium": "email"}
    assert mail.utm_of_link("https://shop.example/?" + "a=1&" * 300 + "utm_campaign=x") == {}


def test_a_link_longer_than_its_field_is_cut_and_not_refused() -> None:
    (one,) = taken("sendgrid", [{"event": "click", "timestamp": 1714564000, "url": "https://x/" + "y" * 9000}])
    assert len(body(one).link or "") == 4096


def test_the_mailing_is_the_providers_name_else_the_first_tag() -> None:
    assert body(example("sendgrid/single_send.json")).mailing == "Spring is here"
    assert body(example("mailgun/opened.json")).mailing == "spring"
    assert body(example("ses/event_send.json")).mailing == "weekly"
    assert {body(one).mailing for one in examples("sparkpost")} == {"Example Campaign Name"}
    assert body(example("mandrill/click.json")).mailing == "spring-mail"


def test_text_in_an_inner_field_is_an_object_or_itself_and_never_too_deep() -> None:
    def inner(text: object) -> dict[str, Any]:
        return mail.inner_json(Node({"a": text}, "$"), "a", Limits(depth=4))

    assert inner('{"utm_source":"x"}') == {"utm_source": "x"}
    assert inner("some text") == {"a": "some text"}
    assert inner("[" * 2000 + "]" * 2000) == {"a": "[" * 2000 + "]" * 2000}
    assert inner(None) == inner({"b": 1}) == {}


# ---- machines


@pytest.mark.parametrize(
    ("agent", "machine"),
    [
        ("Mozilla/5.0", True),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
            "Safari/537.36 Edge/12.246 Mozilla/5.0",
            True,
        ),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", False),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", False),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)", False),
        (None, False),
    ],
)
def test_what_fetches_before_anybody_opens_is_a_machine_and_a_proxy_is_not(agent: str | None, machine: bool) -> None:
    assert mail.prefetches(agent) is machine
    event = {"event": "open", "time": 1714564000, "email": "ada@example.org", "agent": agent}
    assert body(taken("mailjet", event)[0]).machine is machine
    clicked = taken("mailjet", event | {"event": "click"})[0]  # a click of that program is a click
    assert (clicked.touchpoint, body(clicked).machine) == (mail.CLICKED, False)


def test_a_click_of_a_scanner_has_a_name_of_its_own() -> None:
    one = example("mailgun/clicked_by_scanner.json")
    assert (one.touchpoint, body(one).machine, one.properties["bot"]) == (mail.SCANNED, True, "generic")


def test_providers_flags_are_believed() -> None:
    flagged = [one.event_id for one in examples("sendgrid") if body(one).machine]
    assert len(flagged) == 1
    assert [one.name for one in examples("brevo") if body(one).machine] == [
        "proxy_open",
        "proxy_open",
        "unique_proxy_open",
    ]
    assert [one.touchpoint for one in examples("sparkpost") if body(one).machine] == [mail.OPENED]
    assert body(example("mailgun/opened_by_apple.json")).machine


# ---- one event, told twice


def test_a_first_opening_that_is_told_twice_is_one_event() -> None:
    event = {"event": "opened", "email": "ada@example.org", "message-id": "<1@x>", "ts_epoch": 1714564000123}
    brevo = [taken("brevo", event | {"event": name})[0].event_id for name in ("opened", "unique_opened")]
    assert brevo[0] == brevo[1]
    mailersend = [example(f"mailersend/{name}.json").event_id for name in ("opened", "opened_unique")]
    assert mailersend[0] == mailersend[1]


def test_a_retry_of_mailgun_with_a_new_signature_is_the_same_event() -> None:
    sent = orjson.loads((EXAMPLES / "mailgun/opened.json").read_bytes())
    again = sent | {"signature": {"timestamp": "1", "token": "2", "signature": "3"}}
    assert taken("mailgun", sent)[0].event_id == taken("mailgun", again)[0].event_id


def test_a_beginning_that_sparkpost_tells_is_not_another_opening() -> None:
    names = [one.touchpoint for one in examples("sparkpost")]
    assert (names.count(mail.OPENED), names.count(mail.PART_OPENED)) == (2, 1)


# ---- single providers


def test_one_notice_of_amazon_is_one_event_for_each_recipient_and_none_for_the_others() -> None:
    found = list(examples("ses", "notification_bounce.json"))
    assert [one.key for one in found] == ["email:jane@example.com", "email:richard@example.com"]
    assert found[0].properties["diagnosticCode"].startswith("smtp; 550")  # type: ignore[union-attr] # text
    assert found[0].event_id != found[1].event_id


def test_an_opening_of_a_mail_to_several_is_nobodys() -> None:
    assert example("ses/event_open_of_several.json").key.startswith("event:")
    assert example("resend/opened_by_one_of_several.json").key.startswith("event:")


def test_a_notice_of_amazon_about_nobody_is_kept_all_the_same() -> None:
    bounce = {"eventType": "Bounce", "bounce": {"timestamp": "2024-05-01T12:00:00Z", "bouncedRecipients": []}}
    assert [one.touchpoint for one in taken("ses", bounce)] == [mail.BOUNCED]
    assert reason("ses", bounce | {"bounce": {"bouncedRecipients": 5}}) == "$.bounce.bouncedRecipients: not a list"


def test_amazons_events_have_their_own_time_else_that_of_the_notice() -> None:
    assert example("ses/event_send.json").occurred_at == datetime(2016, 1, 27, 14, 59, 38, 237000, UTC)
    assert example("ses/event_reject.json").occurred_at == datetime(2018, 3, 26, 17, 58, 59, 675000, UTC)


@pytest.mark.parametrize(
    ("path", "touchpoint"),
    [
        ("ses/event_subscription_out.json", mail.UNSUBSCRIBED),
        ("ses/event_subscription_in.json", mail.SUBSCRIBED),
        ("postmark/unsubscribed.json", mail.UNSUBSCRIBED),
        ("postmark/subscribed_again.json", mail.SUBSCRIBED),
        ("postmark/suppressed_after_bounce.json", mail.SUPPRESSED),
        ("postmark/switched_on_again.json", mail.REACTIVATED),
        ("postmark/bounce_that_is_an_answer.json", mail.REPLIED),
        ("mailgun/failed_for_now.json", mail.DEFERRED),
        ("mailgun/suppressed.json", mail.DROPPED),
        ("resend/contact_unsubscribed.json", mail.UNSUBSCRIBED),
        ("resend/contact_created.json", mail.CONTACT),
    ],
)
def test_who_leaves_is_told_from_an_address_that_is_switched_off(path: str, touchpoint: str) -> None:
    assert example(path).touchpoint == touchpoint


def test_brevos_time_is_that_in_utc_and_a_date_alone_is_in_the_accounts_zone() -> None:
    event = {"event": "opened", "email": "ada@example.org", "date": "2023-05-31 16:00:08", "ts": 1685541608}
    assert taken("brevo", event)[0].occurred_at == datetime(2023, 5, 31, 14, 0, 8, tzinfo=UTC)
    del event["ts"]
    assert taken("brevo", event)[0].occurred_at == datetime(2023, 5, 31, 14, 0, 8, tzinfo=UTC)
    assert taken("brevo", event | {"date": None, "ts_epoch": 1685541608993})[0].occurred_at.microsecond == 993000


def test_brevos_campaign_is_named_with_a_blank_or_an_underscore() -> None:
    event = {"event": "opened", "email": "ada@example.org", "ts_event": 1685541608, "camp_id": 7}
    for name in ("campaign name", "campaign_name"):
        (one,) = taken("brevo", event | {name: "Finale"})
        assert (one.campaign, body(one).mailing) == (Campaign(name="Finale"), "Finale")


def test_brevos_tags_are_a_list_a_text_or_a_list_as_text() -> None:
    event = {"event": "opened", "email": "ada@example.org", "ts": 1685541608}
    for tags in ({"tags": ["a", "b"]}, {"tag": '["a","b"]'}, {"tags": [], "tag": '["a","b"]'}):
        assert taken("brevo", event | tags)[0].properties["tags"] == ["a", "b"]
    assert taken("brevo", event | {"tag": "a"})[0].properties["tags"] == ["a"]
    assert taken("brevo", event | {"tag": "[a"})[0].properties["tags"] == ["[a"]


def test_mandrills_events_come_back_from_quarantine_as_plain_json() -> None:
    bad = b"mandrill_events=%5B%7B%22event%22%3A%22new%22%7D%5D"
    (found,) = outcomes("mandrill", bad)
    assert isinstance(found, Quarantined)
    assert found.record.reason.startswith("$.mandrill_events[0].event: 'new'")
    assert found.record.raw == '{"event":"new"}'
    (again,) = outcomes("mandrill", found.record.original)
    assert isinstance(again, Quarantined)


def test_unique_arguments_of_sendgrid_are_the_senders_metadata() -> None:
    one = example("sendgrid/single_send.json")
    assert one.properties["metadata"] == {"utm_source": "newsletter", "userid": "1123"}
    assert one.campaign == Campaign(name="Spring is here", source="newsletter")
