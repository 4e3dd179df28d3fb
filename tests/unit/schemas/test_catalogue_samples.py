"""What the README and the comments of the catalogue show can be used as it stands."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import DEFAULT, Catalogue

README = Path(__file__).parents[3] / "README.md"


def in_comments(first: str) -> str:
    """The commented lines of the catalogue from one that begins so to the next empty line."""
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(first))
    end = next(n for n, line in enumerate(lines) if n > begin and not line.startswith("#"))
    return "\n".join(line[2:] for line in lines[begin:end] if re.match(r"# (\[|\w+ = )", line))


def in_readme() -> str:
    block = re.search(r"```toml\n(\[attribution\.models.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    return block[1]


SAMPLES: dict[str, tuple[str, dict[str, set[str]]]] = {
    "README": (in_readme(), {"models": {"linear", "last_seen"}, "conversions": {"big_order"}}),
    "models": (
        in_comments("# [attribution.models."),
        {"models": {"time_decay", "position_based", "last_exposure", "ours"}},
    ),
    "conversions": (in_comments("# [conversions."), {"conversions": {"big_order", "lead"}}),
    "currencies": ("[currencies]\n" + in_comments("# reporting"), {}),
}


@pytest.mark.parametrize(("sample", "names"), SAMPLES.values(), ids=SAMPLES)
def test_a_sample_of_the_catalogue_is_good(sample: str, names: dict[str, set[str]]) -> None:
    told = tomllib.loads(sample)
    assert told
    data: dict[str, Any] = tomllib.loads(DEFAULT.read_text(encoding="utf-8")) | told
    found = Catalogue.model_validate(data)
    assert names.get("models", set()) <= set(found.attribution.models)
    assert names.get("conversions", set()) <= set(found.conversions)
    assert found.currencies.reporting == ("EUR" if "currencies" in told else None)
