"""Twilio's callbacks, and its signature by the vectors of its own SDK."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx
import pytest

from producers.adapters.adapter import HookRequest, HookSecrets, SignatureRefused
from producers.adapters.hotline import twilio
from producers.adapters.hotline.twilio_signature import signature, verify
from producers.collector.app import Collector
from producers.settings import CollectorSettings
from schemas.bodies import OtherBody
from schemas.catalogue import load
from tests.unit.producers.accepting import AcceptingPublisher
from tests.unit.producers.hotline.taking import body, context, keys, of, one, reason, request, row_of, sent

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
# Token, address, fields and signatures:
# https://github.com/twilio/twilio-python/blob/main/tests/unit/test_request_validator.py
TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
JSON = b'{"property": "value", "boolean": true}'
JSON_URL = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


def callback(url: str, stated: str, content: bytes | None = None, kind: str = FORM) -> HookRequest:
    content = urlencode(FIELDS).encode() if content is None else content
    return HookRequest(content, {"x-twilio-signature": stated, "content-type": kind}, (), url)


def check(hook: HookRequest, *tokens: str) -> None:
    verify(hook, HookSecrets(tokens or (TOKEN,)), NOW, {})


@pytest.mark.parametrize(
    ("url", "stated"),
    [
        (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:1234"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:1234").replace("https", "http"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ],
)
def test_the_signatures_of_the_sdks_own_tests_are_good(url: str, stated: str) -> None:
    check(callback(url, stated))
    check(callback(url, stated), "older", TOKEN)
    with pytest.raises(SignatureRefused, match="wrong"):
        check(callback(url, stated), "another")


def test_a_field_that_comes_twice_is_signed_with_both_values() -> None:
    check(callback(URL, "IK+Dwps556ElfBT0I3Rgjkr1wJU=", b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234"))


def test_a_json_body_is_signed_by_its_hash() -> None:
    check(callback(JSON_URL, "a9nBmqA0ju/hNViExpshrM61xv4=", JSON, "application/json"))
    with pytest.raises(SignatureRefused, match="bodySHA256"):
        check(callback(JSON_URL, "a9nBmqA0ju/hNViExpshrM61xv4=", JSON + b" ", "application/json"))
    with pytest.raises(SignatureRefused, match="bodySHA256"):
        check(callback(URL, signature(URL, TOKEN), JSON, "application/json"))


def test_the_hash_may_stand_only_in_the_query_of_the_request() -> None:
    hook = callback(URL, "a9nBmqA0ju/hNViExpshrM61xv4=", JSON, "application/json")
    check(replace(hook, query=(("bodySHA256", JSON_URL.rpartition("=")[2]),)))


def test_empty_fields_are_signed_too() -> None:
    content = b"CallSid=CA1&ToState=&FromCity="
    check(callback(URL, signature(f"{URL}CallSidCA1FromCityToState", TOKEN), content))
    with pytest.raises(SignatureRefused):
        check(callback(URL, signature(f"{URL}CallSidCA1", TOKEN), content))


@pytest.mark.parametrize(
    "hook",
    [
        callback(URL, ""),
        callback(URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", b"CallSid=CA1"),
        callback(URL.replace("bar=2", "bar=3"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        callback(URL, "é"),
        callback(URL, "x", b"\xff=\xfe"),
        callback(URL, "x", b"&".join(b"%d=1" % number for number in range(2000))),
        callback("https://[bad", "x"),
        callback("", "x"),
    ],
)
def test_what_twilio_has_not_signed_is_refused(hook: HookRequest) -> None:
    with pytest.raises(SignatureRefused):
        check(hook)


async def test_a_signed_callback_is_taken_and_answered_with_empty_twiml() -> None:
    public = "https://hooks.example.org/twilio"
    key = {
        "key": "k",
        "source": "hotline",
        "phone_region": "DE",
        "hooks": {"twilio": {"secrets": [TOKEN], "public_url": public}},
    }
    publisher = AcceptingPublisher()
    settings = CollectorSettings.model_validate({"write_keys": [key]})
    collector = Collector(settings, publisher, load(), lambda: NOW)  # type: ignore[arg-type] # the fake
    fields = {"CallSid": "CA1", "CallStatus": "completed", "CallDuration": "5", "From": "+493012345678", "ToCity": ""}
    stated = signature(f"{public}?key=k" + "".join(name + fields[name] for name in sorted(fields)), TOKEN)
    transport = httpx.ASGITransport(collector.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside:8080") as client:
        good = await client.post("/hooks/twilio?key=k", data=fields, headers={"X-Twilio-Signature": stated})
        bad = await client.post(
            "/hooks/twilio?key=k", data={**fields, "From": "+1"}, headers={"X-Twilio-Signature": stated}
        )
    assert (good.status_code, good.headers["content-type"].partition(";")[0]) == (200, "text/xml")
    assert good.content.endswith(b"<Response/>")
    assert (bad.status_code, bad.json()["code"]) == (401, "bad_signature")
    assert len(publisher.taken) == 1


CALL = {
    "CallSid": "CA1",
    "From": "+493012345678",
    "To": "+4930999900",
    "Direction": "inbound",
    "CallbackSource": "call-progress-events",
    "Timestamp": "Mon, 02 Mar 2026 09:05:10 +0000",
}


def form(**fields: str) -> bytes:
    return urlencode(CALL | fields).encode()


@pytest.mark.parametrize(
    ("fields", "touchpoint", "result", "identified"),
    [
        ({"CallStatus": "completed"}, "call", "answered", True),
        ({"CallStatus": "no-answer"}, "call_abandoned", "abandoned", True),
        ({"CallStatus": "busy", "Direction": "outbound-api", "To": "+493012345678"}, "call_unanswered", None, True),
        (
            {"CallStatus": "completed", "Direction": "outbound-api", "To": "+493012345678"},
            "call_outbound",
            "answered",
            True,
        ),
        (
            {
                "CallStatus": "completed",
                "Direction": "outbound-api",
                "To": "+493012345678",
                "AnsweredBy": "machine_start",
            },
            *("call_unanswered", None, True),
        ),
        ({"CallStatus": "ringing"}, "call_status.ringing", None, True),
        ({"CallStatus": "in-progress"}, "call_status.in_progress", None, True),
        ({"CallStatus": "something new!"}, "call_status.something_new", None, True),
        ({"CallStatus": "completed", "ParentCallSid": "CA0"}, "call_status.leg_completed", None, False),
        ({"CallStatus": "in-progress", "QueueResult": "hangup"}, "call_status.queue_hangup", "abandoned", False),
        ({"CallStatus": "completed", "DialCallStatus": "no-answer"}, "call_status.dial_no_answer", None, False),
        ({"RecordingStatus": "completed"}, "call_status.recording_completed", None, False),
        ({"CallStatus": "completed", "From": "+266696687"}, "call", "answered", False),
        ({"CallStatus": "completed", "From": "anonymous"}, "call", "answered", False),
    ],
)
def test_the_status_says_what_a_callback_is(
    fields: dict[str, str], touchpoint: str, result: str | None, identified: bool
) -> None:
    found = one(sent(twilio.ADAPTER, form(**fields)))
    assert (found.touchpoint, found.channel, body(found).result) == (touchpoint, "hotline", result)
    assert keys(found) == (["phone:+493012345678"] if identified else [])


def test_a_call_began_its_length_before_it_ended_and_keeps_no_recording() -> None:
    found = one(
        sent(twilio.ADAPTER, form(CallStatus="completed", CallDuration="150", RecordingUrl="https://r.example"))
    )
    assert found.occurred_at == datetime(2026, 3, 2, 9, 2, 40, tzinfo=UTC)
    assert body(found).talk_time == 150
    assert "r.example" not in found.model_dump_json()


def test_a_queue_tells_how_long_was_waited() -> None:
    found = one(sent(twilio.ADAPTER, form(QueueResult="bridged", QueueTime="45", QueueSid="QU1")))
    assert row_of(body(found).waiting_time, body(found).queue) == (45, "QU1")


def test_a_retry_has_the_same_id_and_another_stage_another_one() -> None:
    ended = [one(sent(twilio.ADAPTER, form(CallStatus="completed", **more))) for more in ({}, {"CallDuration": "5"})]
    assert ended[0].event_id == ended[1].event_id
    assert one(sent(twilio.ADAPTER, form(CallStatus="ringing"))).event_id != ended[0].event_id
    digits = [one(sent(twilio.ADAPTER, form(CallStatus="in-progress", CallbackSource="", Digits=d))) for d in "112"]
    assert digits[0].event_id == digits[1].event_id != digits[2].event_id


MESSAGE = {"MessageSid": "SM1", "From": "whatsapp:+493012345678", "To": "whatsapp:+14155238886", "Body": "Hello"}


@pytest.mark.parametrize(
    ("fields", "touchpoint", "platform"),
    [
        ({"SmsStatus": "received"}, "message_received", "whatsapp"),
        ({}, "message_received", "whatsapp"),
        ({"SmsStatus": "received", "From": "+493012345678", "To": "+1"}, "message_received", "sms"),
        ({"SmsStatus": "received", "OptOutType": "STOP"}, "message_unsubscribed", "whatsapp"),
        ({"MessageStatus": "sent", "To": "+493012345678", "From": "+1"}, "message_sent", "sms"),
        ({"MessageStatus": "delivered", "To": "whatsapp:+493012345678"}, "message_delivered", "whatsapp"),
        ({"MessageStatus": "read", "To": "whatsapp:+493012345678"}, "message_read", "whatsapp"),
        ({"MessageStatus": "undelivered", "To": "+493012345678", "ErrorCode": "30003"}, "message_failed", "sms"),
        ({"MessageStatus": "queued", "To": "+493012345678"}, "message_status.queued", "sms"),
    ],
)
def test_messages_belong_to_the_chat_channel(fields: dict[str, str], touchpoint: str, platform: str) -> None:
    found = one(sent(twilio.ADAPTER, urlencode(MESSAGE | fields).encode()))
    assert (found.touchpoint, found.channel, found.properties["platform"]) == (touchpoint, "chat", platform)
    assert keys(found) == ["phone:+493012345678"]
    assert isinstance(found.body, OtherBody)
    assert found.body.text == ("Hello" if touchpoint in {"message_received", "message_unsubscribed"} else None)


def test_a_source_can_leave_out_what_was_written() -> None:
    where = context(never_keep=frozenset({"body"}))
    found = one(sent(twilio.ADAPTER, urlencode(MESSAGE | {"SmsStatus": "received"}).encode(), where))
    assert found.body == OtherBody()


def test_the_event_streams_envelope_is_opened() -> None:
    event = {
        "specversion": "1.0",
        "type": "com.twilio.voice.status-callback.call.completed",
        "data": {"request": {"method": "POST", "parameters": CALL | {"CallStatus": "completed", "CallDuration": "5"}}},
    }
    assert (
        one(sent(twilio.ADAPTER, [event])).event_id == one(sent(twilio.ADAPTER, form(CallStatus="completed"))).event_id
    )


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"a=b", "$.CallSid: required"),
        (form(CallStatus=""), "$.CallStatus: required"),
        (form(CallStatus="completed", CallDuration="-5"), "$.CallDuration: negative"),
        (form(CallStatus="completed", CallDuration="x"), "$.CallDuration: not a number of seconds"),
        (form(CallStatus="completed", Timestamp="soon"), "$.Timestamp: not a time"),
        (b"MessageSid=SM1&To=%2B493012345678", "$.MessageStatus: required"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(content: bytes, path: str) -> None:
    assert reason(sent(twilio.ADAPTER, content)).startswith(path)


def test_a_form_is_told_by_its_content_type() -> None:
    assert twilio.ADAPTER.pieces is not None
    hook = replace(request(form(CallStatus="ringing")), headers={"content-type": f"{FORM}; charset=utf-8"})
    assert one(of(twilio.ADAPTER, list(twilio.ADAPTER.pieces(hook, context())))).touchpoint == "call_status.ringing"
