"""Apache Kafka's jars: fetched once with Maven into a cache that several processes may fill at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deploy.local.errors import LocalStackError

KAFKA_VERSION = "4.1.0"
JAVA_AT_LEAST = 17
POM = Path(__file__).with_name("kafka_pom.xml")
DOWNLOAD_TIMEOUT_S = 600
# `openjdk version "17.0.15"` on standard error; Java 8 and older say "1.8".
_JAVA_VERSION = re.compile(r'version "(\d+)')


def cache_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Where downloads are kept: `$TOUCHPATH_CACHE_DIR`, else `~/.cache/touchpath`."""
    environ = os.environ if environ is None else environ
    chosen = environ.get("TOUCHPATH_CACHE_DIR")
    return Path(chosen) if chosen else Path.home() / ".cache" / "touchpath"


def java_command() -> str:
    """Return the path of Java 17 or newer; raises `LocalStackError` that says what to install."""
    java = shutil.which("java")
    if java is None:
        message = f"Apache Kafka needs Java {JAVA_AT_LEAST} or newer, and there is no `java` on the PATH: "
        raise LocalStackError(message + "install a JRE (Debian: openjdk-17-jre-headless)")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = _JAVA_VERSION.search(said)
    if version is None or int(version[1]) < JAVA_AT_LEAST:
        found = said.splitlines()[0] if said else "nothing"
        raise LocalStackError(f"Apache Kafka needs Java {JAVA_AT_LEAST} or newer; {java} says: {found}")
    return java


def kafka_jars(cache: Path | None = None) -> Path:
    """Return the directory of the jars, fetching them first if need be; raises `LocalStackError`."""
    cache = cache_dir() if cache is None else cache
    target = cache / f"kafka-{KAFKA_VERSION}"
    if target.is_dir():
        return target
    maven = shutil.which("mvn")
    if maven is None:
        message = "Apache Kafka's jars are fetched with Maven, and there is no `mvn` on the PATH: "
        raise LocalStackError(message + "install Maven (Debian: maven)")
    cache.mkdir(parents=True, exist_ok=True)
    # A directory under its final name is complete: each process fills its own and the first rename wins.
    with tempfile.TemporaryDirectory(prefix="kafka-", dir=cache) as scratch:
        filled = Path(scratch) / "jars"
        _copy_dependencies(maven, filled)
        try:
            filled.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def _copy_dependencies(maven: str, into: Path) -> None:
    # Maven writes beside the pom, which may lie in a read-only installation.
    pom = into.parent / "pom.xml"
    shutil.copyfile(POM, pom)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={into}", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(
            [maven, "-q", "-B", "-f", str(pom), *goal],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DOWNLOAD_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as cause:
        raise LocalStackError(f"Maven did not fetch Apache Kafka in {DOWNLOAD_TIMEOUT_S} s") from cause
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise LocalStackError(f"Maven could not fetch Apache Kafka {KAFKA_VERSION}:\n{tail}")
