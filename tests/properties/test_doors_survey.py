"""Laws of the doors for surveys, social, CRM, archives, costs and our own envelope: whatever comes, each piece has one
outcome that can be written, a bad piece leaves its neighbours alone, and nothing is raised but a `Problem` with a path.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.adapters import signing
from producers.adapters.adapter import Adapter, Context, HookRequest, HookSecrets, SignatureRefused
from producers.adapters.crm import activities, customers, segment_archive, touchpoints
from producers.adapters.finish import outcome_of
from producers.adapters.problem import Problem
from producers.adapters.sender import Sender
from producers.adapters.social import mentions
from producers.adapters.survey import delighted, formbricks, reviews, signatures, surveys, typeform
from producers.costs import CostFileError, read_costs
from producers.identity_text import one_writing
from producers.records import record_of
from schemas.bodies import SurveyBody
from schemas.catalogue import load
from schemas.outcome import Accepted, Outcome, Quarantined
from schemas.touchpoint import Touchpoint
from tests.properties.any_touchpoint import JSON, ODD, any_touchpoint, places

EXAMPLES = Path(__file__).parents[1] / "examples"
HOOKS = [
    module.ADAPTER
    for module in (activities, customers, touchpoints, mentions, delighted, formbricks, reviews, surveys, typeform)
]
ROWS = [module.ADAPTER for module in (activities, customers, touchpoints, mentions, reviews, surveys)]
FILES = [*ROWS, segment_archive.ADAPTER]
SENDER = Sender("desk", "hook", "EUR", zone=ZoneInfo("Europe/Berlin"), phone_region="DE")
CONTEXT = Context(SENDER, datetime(2026, 11, 22, tzinfo=UTC), load())
BARE = replace(CONTEXT, sender=Sender("desk", "hook"))
LATEST = date(2026, 11, 22)


def by_name(adapter: Adapter) -> str:
    return adapter.name


def examples(adapter: Adapter) -> list[Any]:
    return [json.loads(path.read_bytes()) for path in sorted((EXAMPLES / adapter.name).glob("*.json"))]


def files(adapter: Adapter) -> list[bytes]:
    return [path.read_bytes() for path in sorted((EXAMPLES / adapter.name).glob("file*"))]


@st.composite
def changed(draw: st.DrawFn, payloads: list[Any]) -> bytes:
    """The JSON of an example with up to three places changed, taken away or doubled."""
    data = copy.deepcopy(draw(st.sampled_from(payloads)))
    for _ in range(draw(st.integers(1, 3))):
        everywhere = places(data)
        if not everywhere:
            break
        place = draw(st.sampled_from(everywhere))
        holder: Any = data
        for key in place[:-1]:
            holder = holder[key]
        match draw(st.integers(0, 4)):
            case 0:
                del holder[place[-1]]
            case 1 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[place[-1]]))
            case 2:
                holder[place[-1]] = draw(JSON)
            case _:
                holder[place[-1]] = draw(ODD)
    return json.dumps(data).encode()


def outcomes_of_hook(adapter: Adapter, body: bytes, context: Context = CONTEXT) -> list[Outcome]:
    assert adapter.pieces is not None
    try:
        pieces = list(adapter.pieces(HookRequest(body, {}, (), "https://example.org/hooks/x"), context))
    except Problem as problem:
        assert str(problem).startswith("$")  # noqa: PT017 # either way is good, and both say where
        return []
    return checked([outcome_of(adapter, piece, context) for piece in pieces])


def outcomes_of_file(adapter: Adapter, content: bytes, context: Context = CONTEXT) -> list[Outcome]:
    assert adapter.file is not None
    found = []
    try:
        for piece in adapter.file(BytesIO(content), context):
            found.append(outcome_of(adapter, piece, context))
    except Problem as problem:
        assert str(problem).startswith("$")  # noqa: PT017 # what came before it stands
    return checked(found)


def checked(outcomes: list[Outcome]) -> list[Outcome]:
    """Every outcome can be written, and reads back as it was; every reason is a path."""
    for outcome in outcomes:
        assert isinstance(outcome, Accepted | Quarantined)
        assert len(record_of(outcome).value) < 1_000_000
        if isinstance(outcome, Quarantined):
            assert outcome.record.reason.startswith("$")
        else:
            assert Touchpoint.model_validate_json(outcome.touchpoint.model_dump_json()) == outcome.touchpoint
            if isinstance(body := outcome.touchpoint.body, SurveyBody) and body.metric == "nps" and body.score:
                assert 0 <= body.score <= 10
    return outcomes


@pytest.mark.parametrize("adapter", HOOKS, ids=by_name)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_changed_payload_is_taken_or_quarantined_and_never_raises(adapter: Adapter, data: st.DataObject) -> None:
    body = data.draw(changed(examples(adapter)))
    context = data.draw(st.sampled_from([CONTEXT, BARE]))
    first = outcomes_of_hook(adapter, body, context)
    assert outcomes_of_hook(adapter, body, context) == first


@pytest.mark.parametrize("adapter", HOOKS, ids=by_name)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=20, deadline=None)
def test_any_body_is_refused_with_a_path_or_has_outcomes(adapter: Adapter, body: bytes) -> None:
    outcomes_of_hook(adapter, body)


@pytest.mark.parametrize("adapter", ROWS, ids=by_name)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_a_list_of_n_has_n_outcomes_and_each_is_that_of_the_item_alone(adapter: Adapter, data: st.DataObject) -> None:
    singles = [one for example in examples(adapter) for one in (example if isinstance(example, list) else [example])]
    bodies = data.draw(st.lists(changed(singles), max_size=5))
    together = outcomes_of_hook(adapter, b"[" + b",".join(bodies) + b"]")
    assert len(together) == len(bodies)
    for body, outcome in zip(bodies, together, strict=True):
        if body.startswith(b"{"):
            (alone,) = outcomes_of_hook(adapter, body)
            assert type(alone) is type(outcome)
            if isinstance(alone, Accepted):
                assert alone == outcome


@pytest.mark.parametrize("adapter", FILES, ids=by_name)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_a_file_of_n_json_lines_has_n_outcomes(adapter: Adapter, data: st.DataObject) -> None:
    singles = [json.loads(line) for file in files(adapter) if file[:1] == b"{" for line in file.splitlines() if line]
    singles = singles or [one for one in examples(adapter) if isinstance(one, dict)]
    singles = singles or [one for example in examples(adapter) for one in example]
    lines = data.draw(st.lists(changed(singles), min_size=1, max_size=5))
    lines = [b"{}", *lines]  # the first line says that these are JSON lines
    assert len(outcomes_of_file(adapter, b"\n".join(lines) + b"\n")) == len(lines)


@pytest.mark.parametrize("adapter", FILES, ids=by_name)
@given(st.data())
@settings(max_examples=30, deadline=None)
def test_a_file_with_bytes_changed_or_cut_off_anywhere_never_raises(adapter: Adapter, data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(files(adapter))))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    outcomes_of_file(adapter, bytes(content[: data.draw(st.integers(0, len(content)))]))


@given(any_touchpoint())
@settings(max_examples=40, deadline=None)
def test_every_touchpoint_that_there_can_be_comes_through_our_own_envelope(touchpoint: Touchpoint) -> None:
    # What names nobody is quarantined; of the rest there is one writing.
    touchpoint = touchpoint.model_copy(update={"identifiers": one_writing(touchpoint.identifiers, region="DE")})
    written = touchpoint.model_dump_json().encode()
    (outcome,) = outcomes_of_hook(touchpoints.ADAPTER, written, replace(CONTEXT, received_at=touchpoint.received_at))
    assert isinstance(outcome, Accepted), outcome
    found = outcome.touchpoint
    if "original_source" not in touchpoint.properties:
        assert found.properties.pop("original_source") == touchpoint.source.strip()
    assert found == touchpoint.model_copy(update={"source": "desk"})


LINE = st.builds(
    "{},{},{},{},EUR,{},{}".format,
    st.sampled_from(["2026-03-01", "2026-03-02", "02.03.2026", "", "Total", "2026-02-30", "1899-01-01"]),
    st.sampled_from(["search", "Direct Mail", "zork", ""]),
    st.sampled_from(["spring", "", '"a, b"', "a, b"]),
    st.sampled_from(["1", "0.005", "-3.10", '"1,234.50"', "1,5", "NaN", "", "1e400", "9" * 17]),
    st.sampled_from(["", "10", "-1"]),
    st.sampled_from(["", "1"]),
)


@given(st.lists(LINE | st.text(max_size=30).map(lambda text: text.replace("\n", "")), max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_file_of_costs_is_refused_with_a_line_or_each_of_its_days_is_good_or_refused(lines: list[str]) -> None:
    content = "day,channel,campaign,cost,currency,impressions,clicks\n" + "".join(f"{line}\n" for line in lines)
    raw = content.encode("utf-8", "surrogatepass")
    try:
        sheet = read_costs(BytesIO(raw), CONTEXT.catalogue, latest=LATEST)
    except CostFileError as error:
        assert str(error).startswith("$")  # noqa: PT017 # either way is good
        return
    good, refused = {day.day for day in sheet.days}, {day.day for day in sheet.refused}
    assert not good & refused
    assert all(day.bad_lines >= len(day.reasons) >= 1 for day in sheet.refused)
    assert all(reason.startswith("$.line[") for day in sheet.refused for reason in day.reasons)
    assert all(day.spends for day in sheet.days)
    # Every good day alone says the same as among the others.
    for day in sheet.days:
        own = [line for line in lines if line[:10] in {day.day.isoformat(), day.day.strftime("%d.%m.%Y")}]
        again = read_costs(
            BytesIO("\n".join([content.split("\n")[0], *own, ""]).encode()),
            CONTEXT.catalogue,
            latest=LATEST,
        )
        assert again.days == (day,)


TEXT = st.text(st.characters(codec="latin-1"), max_size=40)
HEADER = TEXT | st.just("1795305600") | TEXT.map("v1,{}".format)
VERIFIERS = {
    "typeform": (signatures.typeform, ("typeform-signature",)),
    "delighted": (signatures.delighted, ("x-delighted-webhook-signature",)),
    "formbricks": (signing.standard_webhooks, ("webhook-id", "webhook-timestamp", "webhook-signature")),
}


@pytest.mark.parametrize("name", VERIFIERS)
@given(
    st.lists(TEXT | st.just("1795305600") | TEXT.map("v1,{}".format), min_size=3, max_size=3),
    st.lists(TEXT, max_size=2),
)
@settings(max_examples=40, deadline=None)
def test_no_made_up_signature_passes_and_none_does_anything_but_be_refused(
    name: str, values: list[str], secrets: list[str]
) -> None:
    verify, headers = VERIFIERS[name]
    request = HookRequest(b"{}", dict(zip(headers, values, strict=False)), (), "https://example.org/hooks/x")
    with pytest.raises(SignatureRefused):
        verify(request, HookSecrets(tuple(secrets)), datetime(2026, 11, 22, tzinfo=UTC), {})
