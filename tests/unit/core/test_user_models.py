"""A user's own model: found by its entry point, and never able to unbalance the books, whatever it does."""

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.attributing import AttributionSettings
from streams.core.attribution.allocation import CREDIT_UNITS, allocate
from streams.core.attribution.book import booked_models
from streams.core.attribution.user_models import UserModelError
from streams.core.fold import FoldStage
from streams.core.touch import Sale, Touch
from tests.properties.catalogues import catalogue_with
from tests.unit.core.counting import counted
from tests.unit.core.life import DAY, HOUR, call, identifier, net, path, purchase, refund, tell

OURS = {"models": {"first": {}, "last": {}, "linear": {}, "ours": {"entry_point": "ours"}}}

MODELS = """\
def two_thirds_first(path):
    return [2] + [1] * (len(path) - 1)

def breaks(path):
    raise RuntimeError("no")

def too_few(path):
    return [1]

def too_many(path):
    return [1] * (len(path) + 1)

def below_nothing(path):
    return [2] + [-1] * (len(path) - 1)

def not_a_number(path):
    return [float("nan")] * len(path)

def parts_of_one(path):
    return [1 / len(path)] * len(path)

def more_than_one(path):
    return [0.9] * len(path)

def nothing_at_all(path):
    return [0] * len(path)

def no_list(path):
    return {touch.id: 1 for touch in path}

def ends_the_process(path):
    raise SystemExit(1)

def empties_the_path(path):
    for touch in path:
        touch.channel = touch.id = touch.at = None
    path.clear()
    return [1, 1]

asked = []

def another_answer_each_time(path):
    asked.append(path)
    return [1 + len(asked) * place for place in range(len(path))]

not_a_function = 7
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Install a package whose entry point `ours` is the value that is given."""

    def install(value: str, number: int = 1) -> None:
        (tmp_path / "their_models.py").write_text(MODELS)
        info = tmp_path / f"theirs_{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: theirs-{number}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[touchpath.attribution_models]\nours = {value}\n")
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    sys.modules.pop("their_models", None)


def test_a_model_of_an_installed_package_writes_its_own_lines_of_the_ledger(installed: Any) -> None:
    installed("their_models:two_thirds_first")
    state = tell([call(1, HOUR), call(2, 2 * HOUR), purchase(9, DAY, "o1", "9.00")], catalogue_with(attribution=OURS))
    assert state.credits[identifier(9), "ours", identifier(1)] == (Decimal("0.666666667"), 600)
    assert state.credits[identifier(9), "ours", identifier(2)] == (Decimal("0.333333333"), 300)
    assert state.credits[identifier(9), "linear", identifier(2)] == (Decimal("0.5"), 450)


def test_one_that_raises_leaves_the_credit_unattributed_the_others_as_they_are_and_the_books_balanced(
    installed: Any,
) -> None:
    installed("their_models:breaks")
    catalogue = catalogue_with(attribution=OURS)
    events = [call(1, HOUR), purchase(9, DAY, "o1", "9.00"), call(2, 2 * HOUR), refund(10, 2 * DAY, "o1", "4.00")]
    state = tell(events, catalogue)
    assert net(state, 9) == 500
    assert {line: value for (_, model, line), value in state.credits.items() if model == "ours"} == {
        None: (Decimal(1), 500)
    }
    assert state.credits[identifier(9), "last", identifier(2)] == (Decimal(1), 500)


#: A late touch, a refund and a second order, so that what was booked is taken back and booked again.
STORY = [
    *(call(1, HOUR), purchase(9, 2 * DAY, "o1", "9.00"), call(2, 2 * HOUR), refund(10, 3 * DAY, "o1", "4.00")),
    *(call(3, 4 * DAY), purchase(11, 5 * DAY, "o2", "10.01"), call(4, DAY), refund(12, 6 * DAY, "o2", "99.00")),
]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("breaks", "raised"),
        ("too_few", "wrong_length"),
        ("too_many", "wrong_length"),
        ("below_nothing", "negative"),
        ("not_a_number", "not_whole"),
        ("parts_of_one", "not_whole"),
        ("more_than_one", "not_whole"),
        ("nothing_at_all", "all_zero"),
        ("no_list", "no_list"),
        ("ends_the_process", "raised"),
    ],
)
def test_an_answer_that_is_none_is_counted_and_the_books_of_all_models_balance_through_late_touches_and_refunds(
    installed: Any, function: str, reason: str
) -> None:
    installed(f"their_models:{function}")
    catalogue = catalogue_with(attribution=OURS)
    state = tell(STORY, catalogue)
    assert (net(state, 9), net(state, 11)) == (500, 0)
    assert {line for _, model, line in state.credits if model == "ours"} == {None}
    counts = counted([call(1, HOUR), call(2, 2 * HOUR), purchase(9, DAY, "o1", "9.00")], catalogue)
    assert counts == {"applied": 3, f"model_failed.ours.{reason}": 1}


def test_one_that_empties_the_path_changes_its_own_copy_alone(installed: Any) -> None:
    installed("their_models:empties_the_path")
    events = [call(1, HOUR), call(2, 2 * HOUR), purchase(9, DAY, "o1", "9.00")]
    state = tell(events, catalogue_with(attribution=OURS))
    assert path(state, 9) == [1, 2]
    for model in ("ours", "linear"):
        assert [state.credits[identifier(9), model, identifier(n)] for n in (1, 2)] == [(Decimal("0.5"), 450)] * 2


def test_one_that_answers_otherwise_each_time_leaves_nothing_behind_of_what_it_said_before(installed: Any) -> None:
    """What is taken back is what was booked, whatever the model would say now."""
    installed("their_models:another_answer_each_time")
    state = tell(STORY, catalogue_with(attribution=OURS))
    assert (net(state, 9), net(state, 11)) == (500, 0)
    ours = {key: line for key, line in state.credits.items() if key[1] == "ours"}
    assert all(credit > 0 and value >= 0 for credit, value in ours.values())
    assert {touch for conversion, _, touch in ours if conversion == identifier(9)} <= {
        identifier(1),
        identifier(2),
        identifier(4),
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("nowhere_at_all:model", "ModuleNotFoundError"),
        ("their_models:missing", "AttributeError"),
        ("their_models:not_a_function", "is no function"),
    ],
)
def test_what_cannot_be_loaded_is_refused_at_the_start_with_its_name_and_the_reason(
    installed: Any, value: str, reason: str
) -> None:
    installed(value)
    with pytest.raises(UserModelError, match=f"entry point 'ours'.*{reason}"):
        FoldStage(catalogue_with(attribution=OURS))


def test_a_name_that_nobody_has_installed_or_two_have_is_refused(installed: Any) -> None:
    with pytest.raises(UserModelError, match="no entry point 'ours' in the group touchpath"):
        FoldStage(catalogue_with(attribution=OURS))
    installed("their_models:breaks", 1)
    installed("their_models:breaks", 2)
    with pytest.raises(UserModelError, match="2 packages have an entry point 'ours'"):
        FoldStage(catalogue_with(attribution=OURS))


PATH = [Touch(n, n.to_bytes(16, "big"), "call", "hotline", None, 0, sale=Sale("o1", 1, "EUR", "s")) for n in range(3)]


class Wrong(list[int]):
    """A list that cannot be counted."""

    def __len__(self) -> int:
        raise RuntimeError


def deep(path: Sequence[Touch]) -> list[int]:
    return deep(path)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "no_list"),
        ("111", "no_list"),
        ([], "wrong_length"),
        ([1, 1], "wrong_length"),
        ([1, 1, 1, 1], "wrong_length"),
        ([1.0, 0, 0], "not_whole"),
        ([True, False, False], "not_whole"),
        ([float("nan")] * 3, "not_whole"),
        ([Decimal(1)] * 3, "not_whole"),
        (["1", "1", "1"], "not_whole"),
        ([2, -1, 1], "negative"),
        ([0, 0, 0], "all_zero"),
        ([1 << 300, 1, 1], "too_large"),
        (Wrong([1, 1, 1]), "raised"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("transforms", [[], ["exposure"]])
def test_weights_that_are_none_go_to_the_unattributed_line_and_are_counted(
    answer: Any, reason: str, transforms: list[str]
) -> None:
    complaints: list[str] = []
    settings = AttributionSettings.model_validate(
        {"models": {"ours": {"entry_point": "theirs", "transforms": transforms}}}
    )
    channels = ["hotline", "email", "hotline"]
    path = [Touch(t.at, t.id, t.name, channel, None, 0) for t, channel in zip(PATH, channels, strict=True)]
    (model,) = booked_models(settings, complaints.append, {"theirs": lambda _: answer})
    assert allocate(model, path, 500) == [(None, CREDIT_UNITS, 500, "unattributed")]
    assert complaints == [f"model_failed.ours.{reason}"]


def test_a_model_that_calls_itself_for_ever_is_one_that_raises() -> None:
    complaints: list[str] = []
    settings = AttributionSettings.model_validate({"models": {"ours": {"entry_point": "theirs"}}})
    (model,) = booked_models(settings, complaints.append, {"theirs": deep})
    assert allocate(model, PATH, 500)[0].touch is None
    assert complaints == ["model_failed.ours.raised"]


def test_a_model_gets_copies_and_cannot_change_what_the_fold_knows() -> None:
    def vandal(path: Sequence[Touch]) -> list[int]:
        for touch in path:
            touch.at, touch.channel, touch.sale = 0, "nowhere", None
        return [1] * len(path)

    settings = AttributionSettings.model_validate({"models": {"ours": {"entry_point": "theirs"}}})
    (model,) = booked_models(settings, lambda _: None, {"theirs": vandal})
    assert len(allocate(model, PATH, 500)) == 3
    assert [(touch.at, touch.channel, touch.order) for touch in PATH] == [(n, "hotline", "o1") for n in range(3)]
