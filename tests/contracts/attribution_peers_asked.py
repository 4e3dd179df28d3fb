"""Runs in the peers' environment: paths and questions by JSON on standard input, answers by JSON behind a blank line.

Nothing of ours is imported here, and what the peers print themselves stands before the answer.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pandas as pd

SEP = " > "


def channel_attribution_rules(frame: pd.DataFrame, _options: dict[str, Any]) -> dict[str, dict[str, float]]:
    import ChannelAttribution  # noqa: PLC0415 # each peer prints, and takes a second to load

    found = ChannelAttribution.heuristic_models(frame, "path", "total_conversions", flg_pro=False)
    return {
        rule: dict(zip(found["channel_name"], found[f"{rule}_touch"].astype(float), strict=True))
        for rule in ("first", "last", "linear")
    }


def channel_attribution_markov(frame: pd.DataFrame, options: dict[str, Any]) -> dict[str, float]:
    import ChannelAttribution  # noqa: PLC0415

    found = ChannelAttribution.markov_model(
        frame, "path", "total_conversions", var_null="total_null", verbose=False, flg_pro=False, **options
    )
    return dict(zip(found["channel_name"], found["total_conversions"].astype(float), strict=True))


def mam(frame: pd.DataFrame, _options: dict[str, Any]) -> dict[str, dict[str, float]]:
    from mam import MAM  # noqa: PLC0415

    long = pd.concat(
        [
            pd.DataFrame({"path": frame["path"], "times": frame[column], "converts": converts})
            for column, converts in (("total_conversions", True), ("total_null", False))
        ]
    )
    model = MAM(
        long[long["times"] > 0],
        "grouped_journey",
        channels_colname="path",
        journey_with_conv_colname="converts",
        occurrences_colname="times",
        path_separator=SEP,
    )
    rules = {
        "first": model.run_first_click(),
        "last": model.run_last_click(),
        "linear": model.run_linear(),
        "position_based": model.run_position_based(),
    }
    found = {}
    for rule, result in rules.items():
        table = result.to_pandas()
        found[rule] = dict(zip(table["channels"].astype(str), table["attribution"].astype(float), strict=True))
    markov = model.run_markov().metadata["removal_effect"]["removal_effect"]
    return found | {"removal": {str(name): float(effect) for name, effect in markov.items()}}


def mta_shapley(frame: pd.DataFrame, _options: dict[str, Any]) -> dict[str, float]:
    from mta import MTA  # noqa: PLC0415

    model = MTA(frame.copy(), sep=SEP, add_timepoints=False, allow_loops=True)
    found = model.shapley(normalize=False).attribution["shapley"]
    return {str(name): float(value) for name, value in found.items()}


ANSWERS = {
    "channel_attribution_rules": channel_attribution_rules,
    "channel_attribution_markov": channel_attribution_markov,
    "mam": mam,
    "mta_shapley": mta_shapley,
}


def main() -> None:
    """Answer everything that is asked."""
    given = json.load(sys.stdin)
    frame = pd.DataFrame(
        [(SEP.join(path), converting, others) for path, converting, others in given["rows"]],
        columns=["path", "total_conversions", "total_null"],
    )
    answers = {name: ANSWERS[name](frame, options) for name, options in given["questions"].items()}
    sys.stdout.write("\n\n" + json.dumps(answers))


if __name__ == "__main__":
    main()
