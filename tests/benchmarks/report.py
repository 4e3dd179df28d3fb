"""What the benchmarks found, on what machine, as one markdown table or as JSON. Pure but for looking at the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from deploy.local.kafka_jars import KAFKA_VERSION, java_command

LIBRARIES = (
    "touchpath",
    "faust-streaming",
    "aiokafka",
    "kafka-python",
    "quixstreams",
    "chdb",
    "clickhouse-connect",
    "msgspec",
    "pydantic",
)


@dataclass(frozen=True)
class Line:
    """One line of the table: what was measured, the measured figures in words, and what to know about them.

    `figures` are the same figures as numbers, by their names with units, for a program.
    """

    what: str
    measured: str
    note: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Machine:
    """Where and when it was measured."""

    date: str
    cpu: str
    cores: int
    memory_gib: float
    system: str
    load_before: float
    """Processes that wanted a core in the minute before: over a tenth of a core, the figures are of a busy machine."""
    versions: Mapping[str, str]


def this_machine() -> Machine:
    """Describe the machine that this runs on."""
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        load_before=round(os.getloadavg()[0], 2),
        versions={
            "Python": platform.python_version(),
            "Java": _java(),
            "Apache Kafka": KAFKA_VERSION,
            **{name: version(name) for name in LIBRARIES},
        },
    )


def markdown(machine: Machine, lines: Iterable[Line]) -> str:
    """Write the table, with the machine below it."""
    rows = ["| what | measured | how |", "| --- | --- | --- |"]
    rows += [f"| {line.what} | {line.measured} | {line.note} |" for line in lines]
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    rows += [
        "",
        f"Measured {machine.date} on {machine.cores} cores of {machine.cpu}, {machine.memory_gib:g} GiB, "
        f"{machine.system}; load before: {machine.load_before:g}. {versions}.",
    ]
    return "\n".join(rows)


def as_json(machine: Machine, lines: Iterable[Line]) -> str:
    """Write the same for a program."""
    return json.dumps({"machine": asdict(machine), "lines": [asdict(line) for line in lines]}, indent=2)


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "an unnamed CPU"


def _java() -> str:
    said = subprocess.run([java_command(), "-version"], capture_output=True, text=True, check=False).stderr
    return said.split('"')[1] if '"' in said else "?"
