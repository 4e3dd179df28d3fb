"""What the identity stage writes and reads, and the contracts of its topics, mean the same JSON."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas import topics
from schemas.identity import Asked, Evidence, Followed, IdentityMessage, Label, Labelled, Ordered, Parted, Seen, Sighted
from schemas.policy import POLICIES
from streams.core.identity.messages import Envelope, encode, from_wire, read_message, to_wire
from streams.core.identity.messages import Labelled as WireLabelled
from tests.contracts.test_wire_contract import same_json
from tests.properties.identity_histories import OTHERS, PEOPLE, command, drawn
from tests.properties.identity_running import choose_by, run

KEYS = st.sampled_from(["customer:ada", "email:ada@example.org", "anonymous:a1", 'device:"\\ ü'])
MOMENTS = st.datetimes().map(lambda moment: moment.replace(tzinfo=None).isoformat() + "Z")
EVIDENCE = st.builds(
    Evidence, id=st.uuids(), cause=st.sampled_from(["event", "merge", "unmerge", "guard"]), recorded_at=MOMENTS
)
LABELS = st.builds(
    Label,
    named=KEYS,
    distance=st.none() | st.integers(0, 5000),
    made=st.booleans(),
    path=st.lists(KEYS, min_size=1, max_size=4).map(tuple),
).map(lambda label: label.model_copy(update={"path": (label.named, *label.path[1:])}))
MESSAGES = st.one_of(
    st.builds(
        Seen,
        to=KEYS,
        sender=KEYS,
        verified=st.booleans(),
        sighted_at=st.none() | MOMENTS,
        decided_at=st.none() | MOMENTS,
        label=st.none() | LABELS,
        evidence=EVIDENCE,
    ),
    st.builds(Labelled, to=KEYS, sender=KEYS, label=st.none() | LABELS, evidence=EVIDENCE),
    st.builds(Asked, to=KEYS, sender=KEYS, evidence=EVIDENCE),
    st.builds(
        Sighted,
        to=KEYS,
        sender=KEYS,
        seen=st.lists(MOMENTS, max_size=3).map(tuple),
        unverified_seen=st.lists(MOMENTS, max_size=3).map(tuple),
        evidence=EVIDENCE,
    ),
    st.builds(Parted, to=KEYS, sender=KEYS, decided_at=MOMENTS, evidence=EVIDENCE),
    *(
        st.builds(
            model,
            to=KEYS,
            sender=KEYS,
            verified=st.booleans(),
            priced=st.booleans(),
            ordered_at=MOMENTS,
            policy=st.sampled_from(POLICIES),
            named=KEYS,
            evidence=EVIDENCE,
        )
        for model in (Ordered, Followed)
    ),
    st.randoms(use_true_random=False).map(lambda chance: command(chance, (*PEOPLE, *OTHERS))),
)


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_what_the_identity_stage_writes_is_what_its_topics_declare(seed: int) -> None:
    loop = run(drawn(seed, journeys=True), 2, choose_by(seed), fold=False)
    for name in (topics.IDENTITY.name, topics.PROFILES.name, topics.RESOLVED.name):
        for record in loop.records(name):
            assert record.value is not None
            model = topics.BY_NAME[name].model.model_validate_json(record.value)
            ours = json.loads(record.value)
            assert same_json(ours, {**json.loads(model.model_dump_json()), **_left_to_say(ours, model)})


def _left_to_say(ours: dict[str, Any], model: Any) -> dict[str, Any]:
    """A touchpoint goes on in the bytes of its door, which left out what is empty."""
    return {"touchpoint": ours["touchpoint"]} if "touchpoint" in ours and model.touchpoint is not None else {}


@given(MESSAGES)
def test_a_message_that_the_contract_takes_is_read_and_written_with_the_same_meaning(message: Any) -> None:
    envelope = IdentityMessage(message=message)
    written = envelope.model_dump_json()
    again = encode(Envelope(read_message(written.encode())))
    assert IdentityMessage.model_validate_json(again) == envelope


@given(LABELS, EVIDENCE)
def test_a_label_is_kept_as_it_was_said(label: Label, evidence: Evidence) -> None:
    said = Labelled(to="email:a@b.example", sender="anonymous:a", label=label, evidence=evidence)
    message = read_message(IdentityMessage(message=said).model_dump_json().encode())
    assert isinstance(message, WireLabelled)
    kept = from_wire(message.label)
    assert kept is not None
    assert to_wire(kept) == message.label


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b'{"message":{"type":"gossip","to":"email:a"}}',
        b'{"message":{"type":"command","to":"no identifier","action":"block"}}',
        b'{"message":{"type":"command","to":"email:a","action":"forget","command_id":"6b0f6a52-0d0e-5c39-9d3c-5f5f3e1c7a10",'
        b'"requested_at":"2026-01-01T00:00:00Z","requested_by":"ada"}}',
    ],
)
def test_what_breaks_the_contract_is_refused_with_its_place(value: bytes) -> None:
    with pytest.raises(ValidationError):
        read_message(value)
