"""How fast Markov attribution is, beside ChannelAttribution (C++) and marketing-attribution-models (Polars).

    python -m tests.benchmarks.attribution                     10 k, 100 k and 1 M distinct paths; 12, 50, 200 names
    python -m tests.benchmarks.attribution --paths 10000 --names 12
    python -m tests.benchmarks.attribution --keep FILE         goes on where it broke off: FILE holds what was measured

Everyone gets the same distinct paths, in a process of its own, with its defaults, order 1. Ours is asked twice: from
flat arrays, as the paths come from ClickHouse, and from the texts (`a > b > c`) that the others read. Its time is that
of the whole fit: removal effects, weights, each conversion split within its path, and the diagnosis. Only the call is
timed, not the reading of the file; on a busy machine look at the time of the processor. The memory is the most that the
process held, less what it held before the call. Ours and marketing-attribution-models solve exactly,
ChannelAttribution simulates. After each size it says how ours stands to the faster of the two, and to the one that
needed less memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from streams.core.attribution.data_driven.fit import Request, fit
from streams.core.attribution.data_driven.paths import Paths, paths_of
from tests.benchmarks.report import Line
from tests.contracts.attribution_peers_rig import interpreter

SIZES = (10_000, 100_000, 1_000_000)
NAMES = (12, 50, 200)
#: Whoever takes longer is told so, and not waited for.
PATIENCE = 150.0
SEP = " > "
ASKED = Path(__file__).with_name("attribution_peers.py")
OURS = ("touchpath", "touchpath, from text")
WHO = (*OURS, "ChannelAttribution", "marketing-attribution-models")


@dataclass(frozen=True)
class Measured:
    """What one of them needed: seconds (None: more than `PATIENCE`), of all cores together, and MiB of memory.

    `failed` is the end of what it said where it ended with an error; then there are no seconds either.
    """

    paths: int
    names: int
    who: str
    seconds: float | None
    cpu: float
    mib: float
    failed: str = ""

    @property
    def told(self) -> str:
        """In words."""
        if self.failed:
            return f"failed: {self.failed}"
        if self.seconds is None:
            return f"more than {PATIENCE:g} s"
        return f"{self.seconds * 1000:,.1f} ms ({self.cpu * 1000:,.1f} ms CPU), {self.mib:,.0f} MiB"


def drawn(paths: int, names: int, seed: int = 0) -> Paths:
    """Draw distinct paths: five touches on average, names of unequal frequency, one journey in twelve converts."""
    luck = np.random.default_rng(seed)
    chance = 1 / np.arange(2, names + 2)
    seen: set[bytes] = set()
    codes: list[bytes] = []
    kind = np.uint16
    while len(codes) < paths:
        lengths = luck.geometric(0.2, paths)
        ends = np.cumsum(lengths).tolist()
        touched = luck.choice(names, ends[-1], p=chance / chance.sum()).astype(kind).tobytes()
        begin = 0
        for end in ends:
            path = touched[2 * begin : 2 * end]
            begin = end
            if path not in seen:
                seen.add(path)
                codes.append(path)
    codes = codes[:paths]
    offsets = np.concatenate(([0], np.cumsum([len(path) // 2 for path in codes])))
    walked = luck.geometric(0.3, paths)
    converting = luck.binomial(walked, 1 / 12)
    label = [f"channel_{number:03}" for number in range(names)]
    return paths_of(label, np.frombuffer(b"".join(codes), kind), offsets, converting, walked - converting)


def texts_of(paths: Paths) -> list[str]:
    """Write the paths as the others read them."""
    names = [paths.names[code] for code in paths.codes.tolist()]
    ends = paths.offsets.tolist()
    return [SEP.join(names[begin:end]) for begin, end in pairwise(ends)]


def from_texts(texts: list[str], converting: np.ndarray, others: np.ndarray) -> Paths:
    """Read paths from texts, some at a time."""
    offsets = np.concatenate(([0], np.cumsum([text.count(SEP) + 1 for text in texts])))
    seen: dict[str, int] = {}
    codes = np.empty(int(offsets[-1]), np.uint16)
    for first in range(0, len(texts), 20_000):
        touched = SEP.join(texts[first : first + 20_000]).split(SEP)
        for name in set(touched) - seen.keys():
            seen[name] = len(seen)
        begin = offsets[first]
        codes[begin : begin + len(touched)] = np.fromiter(map(seen.__getitem__, touched), np.uint16, len(touched))
    names = sorted(seen)
    place = np.empty(len(names), np.uint16)
    place[[seen[name] for name in names]] = np.arange(len(names))
    return paths_of(names, place[codes], offsets, converting, others)


def resident(what: Literal["VmRSS", "VmHWM"]) -> float:
    """Give the memory that this process holds, or the most that it held since `forget_peak`, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(what))) / 1024


def forget_peak() -> float:
    """Begin anew with the most that was held; give what is held now, in MiB. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def timed(call: Callable[[], object], times: int) -> tuple[float, float, float]:
    """Give the best of so many calls in seconds, by the wall's clock and the processor's, and the memory it took."""
    before, best, cpu = forget_peak(), float("inf"), float("inf")
    for _ in range(times):
        begin, worked = time.perf_counter(), time.process_time()
        call()
        best, cpu = min(best, time.perf_counter() - begin), min(cpu, time.process_time() - worked)
    return best, cpu, resident("VmHWM") - before


def ours(file: Path, *, text: bool) -> None:
    """Measure ours in this process and print it."""
    given = np.load(file)
    names, codes, offsets = given["names"].tolist(), given["codes"], given["offsets"]
    converting, others = given["converting"], given["others"]
    times = 3 if len(converting) < SIZES[-1] else 2
    # What is loaded at the first call is no part of the fit; the others have loaded theirs, too.
    fit(paths_of(["a"], np.array([0]), np.array([0, 1]), np.array([1]), np.array([1])), Request())
    if text:
        texts = texts_of(paths_of(names, codes, offsets, converting, others))
        found = timed(lambda: fit(from_texts(texts, converting, others), Request()), times)
    else:
        found = timed(lambda: fit(paths_of(names, codes, offsets, converting, others), Request()), times)
    print(json.dumps(found))


def measure(paths: int, names: int, folder: Path) -> Iterator[Measured]:
    """Measure everyone on the same paths, each in a process of its own."""
    made = drawn(paths, names)
    arrays, table = folder / "paths.npz", folder / "paths.csv"
    np.savez(
        arrays, names=np.array(made.names), codes=made.codes, offsets=made.offsets,
        converting=made.converting, others=made.others,
    )  # fmt: skip
    with table.open("w") as file:
        file.write("path,converting,others\n")
        rows = zip(texts_of(made), made.converting.tolist(), made.others.tolist(), strict=True)
        file.writelines(f"{text},{converting},{others}\n" for text, converting, others in rows)
    del made
    mine = [sys.executable, "-m", "tests.benchmarks.attribution", "--ours", str(arrays)]
    theirs = [str(interpreter()), str(ASKED), str(table)]
    for who, words in zip(
        WHO, (mine, [*mine, "--text"], [*theirs, "channel_attribution"], [*theirs, "mam"]), strict=True
    ):
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            yield Measured(paths, names, who, None, 0.0, 0.0)
            continue
        except subprocess.CalledProcessError as error:
            # Of a peer that needs more memory than there is, the others are to be known nevertheless.
            last = (str(error.stderr).strip().splitlines() or [""])[-1][:200]
            yield Measured(paths, names, who, None, 0.0, 0.0, f"exit code {error.returncode} {last}".rstrip())
            continue
        yield Measured(paths, names, who, *json.loads(done.stdout.splitlines()[-1]))


def stands(found: Sequence[Measured]) -> list[Line]:
    """Say for each size how ours stands to the faster of the others, and to the one that took less memory.

    Where nobody else came to an end, it is at least so many times as fast as `PATIENCE` says.
    """
    told = []
    for paths, names in dict.fromkeys((one.paths, one.names) for one in found):
        here = {one.who: one for one in found if (one.paths, one.names) == (paths, names)}
        others = [here[who] for who in WHO if who not in OURS and who in here]
        ended = [one for one in others if one.seconds is not None]
        for who in OURS:
            mine = here.get(who)
            if mine is None or mine.seconds is None or not others:
                continue
            best = min(ended, key=lambda one: one.seconds or 0.0, default=None)
            seconds = PATIENCE if best is None or best.seconds is None else best.seconds
            ratio, figures = seconds / mine.seconds, {"times_as_fast": seconds / mine.seconds}
            text = f"{ratio:,.1f} x as fast as {best.who}" if best else f"over {ratio:,.0f} x as fast: no other ended"
            if best and mine.cpu > 0:
                text += f" ({best.cpu / mine.cpu:,.1f} x by CPU)"
                figures["times_as_fast_by_cpu"] = best.cpu / mine.cpu
            if ended:
                least = min(ended, key=lambda one: one.mib)
                text += f"; {mine.mib:,.0f} MiB, {least.who} {least.mib:,.0f} MiB"
                figures |= {"mib": mine.mib, "least_mib_of_others": least.mib}
            told.append(
                Line(
                    f"Markov order 1, {paths:,} distinct paths, {names} channels: {who} beside the best",
                    text,
                    "",
                    figures,
                )
            )
    return told


def lines(found: list[Measured]) -> list[Line]:
    """Give the lines of the table."""
    return [
        Line(
            f"Markov order 1, {one.paths:,} distinct paths, {one.names} channels: {one.who}",
            one.told,
            "simulated" if one.who == "ChannelAttribution" else "exact",
            {} if one.seconds is None else {"seconds": one.seconds, "cpu_seconds": one.cpu, "mib": one.mib},
        )
        for one in found
    ] + stands(found)


def measure_all(
    folder: Path, sizes: tuple[int, ...] = SIZES, names: tuple[int, ...] = NAMES, keep: Path | None = None
) -> list[Measured]:
    """Measure all sizes, telling each as it comes; what `keep` holds is not measured again."""
    kept = [Measured(**json.loads(text)) for text in keep.read_text().splitlines()] if keep and keep.exists() else []
    found: list[Measured] = []
    for size in sizes:
        for count in names:
            here = [one for one in kept if (one.paths, one.names) == (size, count)]
            if {one.who for one in here} != set(WHO):
                here = []
                for one in measure(size, count, folder):
                    print(f"  {one.paths:>9,} paths, {one.names:>3} channels, {one.who:<29} {one.told}", flush=True)
                    here.append(one)
                if keep:
                    with keep.open("a") as file:
                        file.writelines(json.dumps(asdict(one)) + "\n" for one in here)
            else:
                print(f"  {size:>9,} paths, {count:>3} channels: measured before", flush=True)
            for line in stands(here):
                print(f"    {line.what.rpartition(': ')[2]}: {line.measured}", flush=True)
            found += here
    return found


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paths", type=int, action="append", help="so many distinct paths; may be repeated")
    parser.add_argument("--names", type=int, action="append", help="of so many channels; may be repeated")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="holds what was measured: go on from there")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--text", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        ours(options.ours, text=options.text)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure_all(Path(folder), tuple(options.paths or SIZES), tuple(options.names or NAMES), options.keep)


if __name__ == "__main__":
    main()
