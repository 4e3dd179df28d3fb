"""What it costs to ask the ledger: `python -m tests.benchmarks.views`.

    python -m tests.benchmarks.views                   100,000 conversions, 0.5 M touchpoints, 2 M credits
    python -m tests.benchmarks.views --size 1000000    ten times as much; some 5 minutes to write it
    python -m tests.benchmarks.views --home FOLDER     writes it there, once; the next run asks what is there

Every view of attribution is asked as a dashboard asks it: all, a month, a campaign, one model, as of a day. One thread
and at most 4 GiB for each question. The measure beside them, in the same run: a bare scan of the ledger's table that
groups it by model, campaign and currency, with no FINAL and no view. The time of the processor is that of the door's
process; memory is the most that it held, less what it held before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.local.door_process import ClickHouseDoor
from deploy.local.ports import free_port
from schemas.connection import ClickHouseConnection
from sinks import migrations
from sinks.client import Store
from tests.benchmarks.ledger_data import write_ledger
from tests.benchmarks.report import Line

SIZE = 100_000
QUICK_SIZE = 5_000
SETTINGS = "max_threads = 1, max_memory_usage = 4294967296, use_query_condition_cache = 0"
SCAN = "bare scan of the credits, by model, campaign and currency"
ONE = "(SELECT conversion_id FROM conversions_log LIMIT 1)"
REFUNDED = "(SELECT {} FROM touchpoints_log WHERE touchpoint = 'order_refunded' LIMIT 1)"
MONTH = "BETWEEN '2026-03-01' AND '2026-03-31'"
QUESTIONS = {
    SCAN: "SELECT model, campaign, currency, sum(value), sum(credit) FROM credits_log GROUP BY ALL",
    "credits: one month, by model": f"SELECT model, sum(value) FROM credits WHERE occurred_at {MONTH} GROUP BY model",
    "credits: one campaign, by model": "SELECT model, sum(value) FROM credits WHERE campaign = 'web_3' GROUP BY model",
    "attribution_violations": "SELECT * FROM attribution_violations",
    "attribution_violations: one conversion": f"SELECT * FROM attribution_violations WHERE conversion_id = {ONE}",
    "revenue_by_campaign_and_model": "SELECT * FROM revenue_by_campaign_and_model",
    "revenue_by_campaign_and_model: one model": "SELECT * FROM revenue_by_campaign_and_model WHERE model = 'linear'",
    "revenue_by_channel_and_model": "SELECT * FROM revenue_by_channel_and_model",
    "credits_as_of a day, by model": "SELECT model, sum(value) FROM credits_as_of(as_of = '2026-03-01') GROUP BY model",
    "revenue_as_of a day": "SELECT * FROM revenue_as_of(as_of = '2026-03-01')",
    "assisted_conversions": "SELECT * FROM assisted_conversions",
    "top_paths: 100": "SELECT * FROM top_paths WHERE rank <= 100",
    "products_by_path: 100": "SELECT * FROM products_by_path LIMIT 100",
    "products_by_channel: 100": "SELECT * FROM products_by_channel LIMIT 100",
    "categories_by_path: 100": "SELECT * FROM categories_by_path LIMIT 100",
    "categories_by_channel": "SELECT * FROM categories_by_channel",
    "items_bought: one month": f"SELECT count(), sum(value) FROM items_bought WHERE occurred_at {MONTH}",
    "time_to_conversion": "SELECT * FROM time_to_conversion",
    "conversions_by_days": "SELECT * FROM conversions_by_days",
    "conversions_by_touches": "SELECT * FROM conversions_by_touches",
    "channel_overlap": "SELECT * FROM channel_overlap",
    "roas_by_day: one month, one model": f"SELECT * FROM roas_by_day WHERE day {MONTH} AND model = 'linear'",
    "roas_by_campaign: one model": "SELECT * FROM roas_by_campaign WHERE model = 'linear'",
    "roas_by_channel": "SELECT * FROM roas_by_channel",
    "known_profiles": "SELECT count() FROM known_profiles",
    "ropo_contacts": "SELECT direction, countIf(opens) FROM ropo_contacts GROUP BY direction",
    "ropo_purchases": "SELECT direction, countIf(matched) FROM ropo_purchases GROUP BY direction",
    "ropo_by_month": "SELECT * FROM ropo_by_month",
    "ropo": "SELECT * FROM ropo",
    "refunds": "SELECT outcome, count(), sum(taken) FROM refunds GROUP BY outcome",
    "refunds: one order": f"SELECT * FROM refunds WHERE order_id = {REFUNDED.format('order_id')}",
    "refunds: one event": f"SELECT * FROM refunds WHERE event_id = {REFUNDED.format('event_id')}",
}


@dataclass(frozen=True)
class Answered:
    """What a question took: seconds of the wall's clock and of the processor, MiB of memory; how many rows came."""

    what: str
    rows: int
    seconds: float
    cpu: float
    mib: float


class Asker:
    """Asks a door and looks at its process. Linux only."""

    def __init__(self, store: Store, pid: int) -> None:
        self._store = store
        self._pid = pid
        self._process = psutil.Process(pid)

    def ask(self, what: str, statement: str, times: int) -> Answered:
        """Ask so many times; give the best times, and the most memory: what was freed is often held for the next."""
        best = Answered(what, 0, float("inf"), float("inf"), 0.0)
        for _ in range(times):
            before, worked, began = self._forget_peak(), self._cpu(), time.perf_counter()
            rows = self._store.table(f"{statement} SETTINGS {SETTINGS}")[1]
            seconds, cpu = time.perf_counter() - began, self._cpu() - worked
            held = self._mib("VmHWM") - before
            best = Answered(what, len(rows), min(best.seconds, seconds), min(best.cpu, cpu), max(best.mib, held))
        return best

    def _cpu(self) -> float:
        spent = self._process.cpu_times()
        return float(spent.user + spent.system)

    def _forget_peak(self) -> float:
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")
        return self._mib("VmRSS")

    def _mib(self, what: str) -> float:
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(what))) / 1024


@contextmanager
def opened(home: Path, size: int) -> Iterator[tuple[Store, int]]:
    """Open a door on `home` with a ledger of `size`, written where there is none yet; give it and its process id."""
    home.mkdir(parents=True, exist_ok=True)
    door = ClickHouseDoor(home / "data", free_port(), home / "door.log")
    door.start()
    try:
        door.wait_ready()
        connection = ClickHouseConnection(port=door.port, database=f"ledger_{size}", send_receive_timeout=3600)
        store = Store(connection, retries=())
        migrations.apply(store)
        written = f"SELECT count() FROM {store.database}.model_publications_log"  # what is written last
        if store.rows(written) == [(0,)]:
            store.command(f"DROP DATABASE {store.database} SYNC")
            migrations.apply(store)
            write_ledger(store, size)
        yield store, door.process.pid or 0
    finally:
        door.stop()


def measure(home: Path, size: int, times: int = 2) -> tuple[dict[str, int], list[Answered]]:
    """Ask everything, telling each as it comes; give how many rows there are, and what the questions took."""
    with opened(home, size) as (store, pid):
        sizes = {
            table: int(store.rows(f"SELECT count() FROM {store.database}.{table}_log")[0][0])
            for table in ("conversions", "touchpoints", "credits")
        }
        asker, found = Asker(store, pid), list[Answered]()
        for what, statement in QUESTIONS.items():
            found.append(asker.ask(what, statement, times))
            print(f"  {told(found[-1], found[0])}", flush=True)
    return sizes, found


def told(one: Answered, scan: Answered) -> str:
    """Say it in a line."""
    return (
        f"{one.what:<58} {one.seconds:7.2f} s, {one.cpu:6.2f} s CPU, {one.cpu / scan.cpu:6.1f} x the scan,"
        f" {one.mib:6,.0f} MiB, {one.rows:,} rows"
    )


def lines(sizes: dict[str, int], found: list[Answered]) -> list[Line]:
    """Give the lines of the table."""
    scan = found[0]
    counted = ", ".join(f"{number:,} {table}" for table, number in sizes.items())
    return [
        Line(
            f"ask the ledger: {one.what}",
            f"{one.seconds:.2f} s ({one.cpu:.2f} s CPU, {one.cpu / scan.cpu:.1f} x the scan), {one.mib:,.0f} MiB",
            f"{counted}; one thread" if one is scan else "",
            {"seconds": one.seconds, "cpu_seconds": one.cpu, "times_the_scan": one.cpu / scan.cpu, "mib": one.mib},
        )
        for one in found
    ]


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=SIZE, help="conversions")
    parser.add_argument("--times", type=int, default=2, help="ask so often; the best counts")
    parser.add_argument("--home", type=Path, help="keep the data there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options.home or Path(folder), options.size, options.times)


if __name__ == "__main__":
    main()
