"""Runs in the peers' environment: times one of them on a table of paths; prints seconds, CPU seconds and MiB."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd

LARGE = 1_000_000
LONG = 20.0


def channel_attribution(table: pd.DataFrame) -> Callable[[], object]:
    import ChannelAttribution  # noqa: PLC0415 # each peer takes a second to load

    return lambda: ChannelAttribution.markov_model(
        table, "path", "converting", var_null="others", verbose=False, flg_pro=False
    )


def mam(table: pd.DataFrame) -> Callable[[], object]:
    import polars as pl  # noqa: PLC0415
    from mam import MAM  # noqa: PLC0415

    # It wants a row for journeys that converted and one for those that did not: made before the clock starts.
    parts = [
        pl.DataFrame(
            {"path": table["path"].to_list(), "times": table[column].to_list(), "converts": [converts] * len(table)}
        )
        for column, converts in (("converting", True), ("others", False))
    ]
    given = pl.concat(parts).filter(pl.col("times") > 0)
    return lambda: MAM(
        given,
        "grouped_journey",
        channels_colname="path",
        journey_with_conv_colname="converts",
        occurrences_colname="times",
    ).run_markov()


def resident(what: Literal["VmRSS", "VmHWM"]) -> float:
    """Give the memory that this process holds, or the most that it held since `forget_peak`, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(what))) / 1024


def forget_peak() -> float:
    """Begin anew with the most that was held; give what is held now, in MiB. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def main() -> None:
    """Time the one that is named."""
    table = pd.read_csv(sys.argv[1])
    call = {"channel_attribution": channel_attribution, "mam": mam}[sys.argv[2]](table)
    before, best, cpu = forget_peak(), float("inf"), float("inf")
    for _ in range(3 if len(table) < LARGE else 1):
        begin, worked = time.perf_counter(), time.process_time()
        call()
        best, cpu = min(best, time.perf_counter() - begin), min(cpu, time.process_time() - worked)
        if best > LONG:
            break
    print(json.dumps((best, cpu, resident("VmHWM") - before)))


if __name__ == "__main__":
    main()
