"""Every benchmark in one run on one machine, and one table at the end: `make bench`, or

    python -m tests.benchmarks                      all, some 15 minutes on 2 cores
    python -m tests.benchmarks --quick              small sizes, to see that all works
    python -m tests.benchmarks --only streams       one part, or several of them
    python -m tests.benchmarks --json bench.json    the table as JSON too (-: instead of the table)

It needs Java and Maven (for Apache Kafka), and a machine that has nothing else to do. Files are made under a temporary
folder in `.touchpath/` and removed. A part that fails is said and left out; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.ports import free_port
from tests.benchmarks import attribution, collector, identity, latency, state, streams, views
from tests.benchmarks.report import Line, as_json, markdown, this_machine

PLACE = Path(".touchpath")
ENOUGH_PROFILES = 10_000  # with fewer, the memory of the process says nothing of a profile


@dataclass(frozen=True)
class Asked:
    """What the command line asked for."""

    folder: Path
    quick: bool


def run_streams(asked: Asked) -> list[Line]:
    """The stream stage beside its peers."""
    with _kafka(asked.folder / "streams") as broker, streams.others_on_other_cores(broker.process.pid):
        return streams.lines(streams.run_jobs(broker.bootstrap, asked.folder / "streams", quick=asked.quick))


def run_transport(asked: Asked) -> list[Line]:
    """The batch transport with a stage that only counts, and its recovery."""
    records = 50_000 if asked.quick else 300_000
    said = _said("tests.benchmarks.transport", "--records", str(records), "--only", "exactly_once/memory")
    rate, cpu, median, longest, recovery = _found(
        r"([\d,]+) records/s +([\d.]+) us CPU.*median (\d+) ms, longest (\d+) ms.*recovery: ([\d,]+) records/s", said
    )
    figures = {
        "records_per_second": rate,
        "cpu_us_per_record": cpu,
        "alone_median_ms": median,
        "alone_longest_ms": longest,
    }
    note = f"exactly once, memory store, {records:,} records, all cores"
    return [
        Line("batch transport, a stage that only counts", f"{rate:,.0f} records/s, {cpu:g} us CPU each", note, figures),
        Line("batch transport, one event alone, in to out", f"median {median:g} ms, longest {longest:g} ms", note),
        Line(
            "recovery of state from the changelog",
            f"{recovery:,.0f} records/s",
            note,
            {"records_per_second": recovery},
        ),
    ]


def run_collector(asked: Asked) -> list[Line]:
    """The collector beside a bare producer."""
    with _kafka(asked.folder / "collector") as broker:
        rows = collector.main(broker.bootstrap, 2.0 if asked.quick else 5.0)
    written = []
    for row in rows:
        text, figures = f"{row.events_per_second:,.0f} events/s", {"events_per_second": row.events_per_second}
        if row.p50 is not None and row.p99 is not None:
            text += f", p50 {row.p50:.1f} ms, p99 {row.p99:.1f} ms"
            figures |= {"p50_ms": row.p50, "p99_ms": row.p99}
        if row.cpu is not None:
            text += f", {row.cpu:.0f} us CPU an event"
            figures["cpu_us_per_event"] = row.cpu
        print(f"  {row.what}: {text}", flush=True)
        note = "until Kafka has acknowledged; sender on the same cores" if row.p50 is not None else "acks=all"
        written.append(
            Line(row.what if row.what.startswith("collector") else f"collector: {row.what}", text, note, figures)
        )
    return written


def run_sink(asked: Asked) -> list[Line]:
    """The sink beside a bare insert."""
    said = _said("tests.benchmarks.sink", "--customers", "2000" if asked.quick else "20000")
    (bare,) = _found(r"bare clickhouse-connect insert +([\d,]+) rows/s", said)
    (sink,) = _found(r"the sink, from kafka +([\d,]+) rows/s", said)
    first = said.splitlines()[0]
    return [
        Line(
            "sink: Kafka to ClickHouse",
            f"{sink:,.0f} rows/s, {sink / bare:.2f} of a bare insert",
            first,
            {"rows_per_second": sink, "share_of_bare": sink / bare},
        ),
        Line(
            "sink: bare clickhouse-connect insert",
            f"{bare:,.0f} rows/s",
            "ready-made columns, same batches, same door",
            {"rows_per_second": bare},
        ),
    ]


def run_state(asked: Asked) -> list[Line]:
    """What an event costs and a profile weighs."""
    written = []
    for row in state.run_cases(asked.quick):
        profiles, each = int(row["profiles"]), int(row["touchpoints a profile"])
        weight = f"{row['state bytes a profile']:,} bytes of state a profile"
        if profiles >= ENOUGH_PROFILES:
            weight += f", {row['memory bytes a profile']:,} of memory"
        written.append(
            Line(
                f"fold, {profiles:,} profile{'s' * (profiles > 1)} of {each:,} touchpoints, {row['store']} store",
                f"{row['us an event (median)']} us an event; {row['memory MiB']:,} MiB",
                f"resolve + fold + store, no Kafka; {weight}",
                {name: value for name, value in row.items() if not isinstance(value, str)},
            )
        )
    return written


def run_identity(asked: Asked) -> list[Line]:
    """What it costs to know who it is, and how quickly its state comes back."""
    sizes = identity.QUICK_SIZES if asked.quick else identity.SIZES
    rows = identity.run_cases(sizes)
    with _kafka(asked.folder / "identity") as broker:
        return identity.lines(rows, identity.recover(broker.bootstrap, asked.folder / "identity" / "worker", sizes[-1]))


def run_latency(asked: Asked) -> list[Line]:
    """From sending to being queryable."""
    return latency.lines(*latency.measure(asked.folder, quick=asked.quick))


def run_attribution(asked: Asked) -> list[Line]:
    """Markov attribution beside its peers."""
    folder = asked.folder / "attribution"
    folder.mkdir()
    sizes, names = (
        ((attribution.SIZES[0],), (attribution.NAMES[0],)) if asked.quick else (attribution.SIZES, attribution.NAMES)
    )
    return attribution.lines(attribution.measure_all(folder, sizes, names))


def run_views(asked: Asked) -> list[Line]:
    """What the views of attribution take, beside a bare scan."""
    size = views.QUICK_SIZE if asked.quick else views.SIZE
    return views.lines(*views.measure(asked.folder / "views", size))


PARTS: dict[str, Callable[[Asked], list[Line]]] = {
    "streams": run_streams,
    "transport": run_transport,
    "collector": run_collector,
    "sink": run_sink,
    "latency": run_latency,
    "state": run_state,
    "identity": run_identity,
    "attribution": run_attribution,
    "views": run_views,
}


@contextlib.contextmanager
def _kafka(home: Path) -> Iterator[ApacheKafkaBroker]:
    broker = ApacheKafkaBroker(home / "kafka", free_port(), home / "kafka.log", heap_mb=1024)
    broker.start()
    try:
        broker.wait_ready()
        yield broker
    finally:
        broker.stop()


def _said(module: str, *options: str) -> str:
    """Run a benchmark as a process of its own, and give what it printed."""
    done = subprocess.run([sys.executable, "-m", module, *options], capture_output=True, text=True, check=False)
    print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout


def _found(pattern: str, said: str) -> list[float]:
    match = re.search(pattern, said)
    if match is None:
        raise ValueError(f"no {pattern!r} in:\n{said}")
    return [float(figure.replace(",", "")) for figure in match.groups()]


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be given several times")
    parser.add_argument("--quick", action="store_true", help="small sizes: the figures say little")
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON there; - for standard output")
    arguments = parser.parse_args()
    machine = this_machine()
    busy = machine.load_before > machine.cores / 4
    print(
        f"{machine.cores} cores of {machine.cpu}, {machine.memory_gib:g} GiB, load {machine.load_before:g}", flush=True
    )
    if busy:
        print("others are at work on this machine: the figures will be too low", flush=True)
    began = time.monotonic()
    lines: list[Line] = []
    failed: list[str] = []
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=PLACE) as folder:
        for name, run in PARTS.items():
            if arguments.only and name not in arguments.only:
                continue
            print(f"{name} ({time.monotonic() - began:.0f} s)", flush=True)
            try:
                lines += run(Asked(Path(folder).resolve(), arguments.quick))
            except Exception:
                traceback.print_exc()
                failed.append(name)
    print(f"done in {time.monotonic() - began:.0f} s\n", flush=True)
    if arguments.json == "-":
        print(as_json(machine, lines))
    else:
        print(markdown(machine, lines))
        if arguments.json:
            Path(arguments.json).write_text(as_json(machine, lines) + "\n")
    if failed:
        print(f"\nfailed, see above: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
