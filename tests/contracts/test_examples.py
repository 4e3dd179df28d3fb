"""The examples of every topic are read for ever: by today's models, with the same meaning, and nobody changes them.

A new kind of record gets a new example; `python -m tests.contracts.test_examples` then adds its digest to the list.
"""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from schemas import export, topics
from schemas.credit import Cause
from schemas.identity import Action
from schemas.profile import Change

ROOT = Path(__file__).parents[2] / "schemas" / "examples"
DIGESTS = ROOT / "DIGESTS"
EXAMPLES = sorted(ROOT.glob("*/v*/*.json"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def topic_of(path: Path) -> topics.Topic:
    return topics.BY_NAME[path.relative_to(ROOT).parts[0]]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def frozen() -> dict[str, str]:
    """The digests that were written down, by the example's name."""
    lines = DIGESTS.read_text(encoding="utf-8").splitlines()
    return {name: digest_ for digest_, _, name in (line.partition("  ") for line in lines)}


def meaning(value: Any) -> Any:
    """What a JSON value says: a field that is null or empty says as little as one that is not there."""
    if isinstance(value, dict):
        return {key: meaning(inner) for key, inner in value.items() if inner not in (None, [], {})}
    if isinstance(value, list):
        return [meaning(inner) for inner in value]
    return value


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_reads_and_dumps_back_to_the_same_meaning(path: Path) -> None:
    model = topic_of(path).model
    record = model.model_validate_json(path.read_bytes())
    dumped = record.model_dump_json()
    assert model.model_validate_json(dumped) == record
    again, original = json.loads(dumped), json.loads(path.read_bytes())
    if path.name == "least_that_is_allowed.json":  # the one example in a spelling that we do not write ourselves
        original["occurred_at"] = "2026-03-14T22:00:00Z"  # 23:00 at +01:00
    assert meaning(again) == meaning(original)


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_the_exported_json_schema_takes_an_example(path: Path) -> None:
    schema = export.json_schema(topic_of(path))
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    assert list(validator.iter_errors(json.loads(path.read_bytes()))) == []


@pytest.mark.parametrize("topic", topics.TOPICS, ids=lambda topic: topic.name)
def test_the_exported_json_schema_refuses_a_field_that_nobody_knows(topic: topics.Topic) -> None:
    schema = export.json_schema(topic)
    jsonschema.Draft202012Validator.check_schema(schema)
    example = json.loads(next(path for path in EXAMPLES if topic_of(path) is topic).read_bytes())
    assert not jsonschema.Draft202012Validator(schema).is_valid({**example, "zork": 1})


@pytest.mark.parametrize("topic", topics.TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_examples_of_every_version(topic: topics.Topic) -> None:
    for version in range(1, topic.version + 1):
        assert list((ROOT / topic.name / f"v{version}").glob("*.json")), f"no example of {topic.name} version {version}"


def test_no_example_is_an_orphan() -> None:
    known = {f"{topic.name}/v{version}" for topic in topics.TOPICS for version in range(1, topic.version + 1)}
    files = {path for path in ROOT.rglob("*") if path.is_file() and path != DIGESTS}
    assert {path.parent.relative_to(ROOT).as_posix() for path in files} <= known
    assert files == set(EXAMPLES), "a file among the examples that no test reads"


def test_an_old_example_is_never_changed_or_taken_away() -> None:
    present = {name_of(path): digest(path) for path in EXAMPLES}
    broken = sorted(name for name, digest_ in frozen().items() if present.get(name) != digest_)
    assert broken == [], "add a new example, never change or delete an old one: these are what old records look like"
    fresh = sorted(set(present) - set(frozen()))
    assert fresh == [], "freeze new examples: python -m tests.contracts.test_examples"


def test_every_kind_of_body_and_every_cause_has_an_example() -> None:
    touchpoints = [json.loads(p.read_bytes()) for p in EXAMPLES if topic_of(p) is topics.COLLECTED]
    assert {t["body"]["kind"] for t in touchpoints} == {"web", "email", "hotline", "store", "survey", "other"}
    postings = [json.loads(p.read_bytes()) for p in EXAMPLES if topic_of(p) is topics.CREDITS]
    assert {p["cause"] for p in postings} == set(get_args(Cause))
    changes = [json.loads(p.read_bytes()) for p in EXAMPLES if topic_of(p) is topics.PROFILES]
    assert {c["change"] for c in changes} == set(get_args(Change))
    messages = [json.loads(p.read_bytes())["message"] for p in EXAMPLES if topic_of(p) is topics.IDENTITY]
    kinds = {"seen", "labelled", "asked", "sighted", "parted", "ordered", "followed", "command"}
    assert {m["type"] for m in messages} == kinds
    assert {m["action"] for m in messages if m["type"] == "command"} == set(get_args(Action))
    resolved = [json.loads(p.read_bytes()) for p in EXAMPLES if topic_of(p) is topics.RESOLVED]
    assert {key for r in resolved for key in r} >= {"touchpoint", "forwarding", "arrival", "owner"}
    journeys = [json.loads(p.read_bytes()) for p in EXAMPLES if topic_of(p) is topics.JOURNEYS]
    assert {j["status"] for j in journeys} == {"open", "converted", "idle"}


def test_the_refund_example_reverses_what_the_conversion_example_posted() -> None:
    sums: dict[str, list[Any]] = {}
    for name in ("conversion", "refund_with_reversals"):
        posting = json.loads((ROOT / "touchpath.credits" / "v1" / f"{name}.json").read_bytes())
        for entry in posting["entries"]:
            total = sums.setdefault(entry["model"], [Decimal(0), 0])
            total[0] += Decimal(entry["credit"])
            total[1] += entry["value_minor"]
    assert sums == {model: [Decimal(1), 9990] for model in ("first", "last", "linear")}


def test_export_writes_one_readable_file_per_topic(tmp_path: Path) -> None:
    paths = export.export(tmp_path / "schemas")
    assert [path.name for path in paths] == [f"{t.name}.v{t.version}.json" for t in topics.TOPICS]
    for path, topic in zip(paths, topics.TOPICS, strict=True):
        assert json.loads(path.read_text(encoding="utf-8")) == export.json_schema(topic)


if __name__ == "__main__":
    kept = frozen() if DIGESTS.exists() else {}
    kept |= {name_of(path): digest(path) for path in EXAMPLES if name_of(path) not in kept}
    DIGESTS.write_text("".join(f"{kept[name]}  {name}\n" for name in sorted(kept)), encoding="utf-8")
