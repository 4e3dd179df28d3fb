"""Real parts for tests: brokers on free ports of 127.0.0.1, in temporary directories, stopped at the end.

What a test can ask for: `free_port`, `tansu_broker`, `kafka_broker` (both for the whole run: use topic and
group names of your own), `kafka_broker_factory` (a broker of your own that you may stop, kill and start),
`clickhouse_door` (for the whole run: use `store`, all our tables and empty, or `door_database`, an empty database of
your own), `chdb_session` (the engine in this process, in an empty database that is the current one).
Where Java or Maven is missing, tests on Apache Kafka are skipped and the summary says so; with CI=true
they fail instead.
"""

from __future__ import annotations

import os
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.local import ports
from deploy.local.apache_kafka import ApacheKafkaBroker
from deploy.local.door.engine import Engine, EngineConnection
from deploy.local.door_process import ClickHouseDoor
from deploy.local.errors import LocalStackError
from deploy.local.kafka_jars import java_command, kafka_jars
from deploy.local.tansu import TansuBroker
from sinks.client import Store
from tests.integration.sink_rig import migrated

KAFKA_FIXTURES = {"_kafka_is_possible", "kafka_broker", "kafka_broker_factory"}
KAFKA_TEST_HEAP_MB = 512
_missing = pytest.StashKey[str]()

# How long an example takes says what else the machine does.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs Apache Kafka, so that `-m "not kafka"` works without marking by hand; put long tests first."""
    # The longest first: at the end one of them would run alone.
    items.sort(key=lambda item: "/tests/e2e/" not in item.path.as_posix())
    for item in items:
        if KAFKA_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("kafka")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say at the end, in colour, what was left out and what would bring it back."""
    reason = config.stash.get(_missing, None)
    if reason is not None:
        terminalreporter.section("NOT TESTED ON APACHE KAFKA", sep="!", yellow=True, bold=True)
        terminalreporter.line(reason, yellow=True)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A function that returns a TCP port on 127.0.0.1 that nobody uses."""
    return ports.free_port


@pytest.fixture(scope="session")
def tansu_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TansuBroker]:
    """A running Tansu broker, one for the whole run."""
    broker = TansuBroker(ports.free_port(), tmp_path_factory.mktemp("tansu") / "tansu.log")
    broker.start()
    try:
        broker.wait_ready()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def _kafka_is_possible(request: pytest.FixtureRequest) -> None:
    try:
        java_command()
        kafka_jars()
    except LocalStackError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        request.config.stash[_missing] = str(missing)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def kafka_broker(_kafka_is_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafkaBroker]:
    """A running Apache Kafka, one for the whole run."""
    home = tmp_path_factory.mktemp("kafka")
    broker = ApacheKafkaBroker(
        home / "data", ports.free_port(), home / "kafka.log", heap_mb=KAFKA_TEST_HEAP_MB, short_lived=True
    )
    broker.start()
    try:
        broker.wait_ready()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def kafka_broker_factory(_kafka_is_possible: None, tmp_path: Path) -> Iterator[Callable[..., ApacheKafkaBroker]]:
    """Make running brokers of your own: `stop()` or `kill()` one, `start()` it again, its data is there."""
    made: list[ApacheKafkaBroker] = []

    def make(heap_mb: int = KAFKA_TEST_HEAP_MB) -> ApacheKafkaBroker:
        home = tmp_path / f"kafka-{len(made)}"
        broker = ApacheKafkaBroker(
            home / "data", ports.free_port(), home / "kafka.log", heap_mb=heap_mb, short_lived=True
        )
        made.append(broker)
        broker.start()
        broker.wait_ready()
        return broker

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture(scope="session")
def clickhouse_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseDoor]:
    """A running door in front of chDB, one for the whole run, without a password."""
    home = tmp_path_factory.mktemp("clickhouse")
    door = ClickHouseDoor(home / "data", ports.free_port(), home / "door.log")
    door.start()
    try:
        door.wait_ready()
        yield door
    finally:
        door.stop()


@pytest.fixture
def door_database(clickhouse_door: ClickHouseDoor) -> Iterator[str]:
    """The name of an empty database behind the door, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"

    def run(sql: str) -> None:
        request = urllib.request.Request(clickhouse_door.url, data=sql.encode())
        urllib.request.urlopen(request, timeout=30).close()

    run(f"CREATE DATABASE {name} ENGINE = Atomic")
    yield name
    run(f"DROP DATABASE {name} SYNC")


def _shape_of(store: Store) -> tuple[object, ...]:
    shape = "SELECT count(), groupBitXor(cityHash64(name, create_table_query)) FROM system.tables"
    return store.rows(f"{shape} WHERE database = {{database:String}}", {"database": store.database})[0]


@pytest.fixture(scope="session")
def _tables(clickhouse_door: ClickHouseDoor) -> Iterator[tuple[Store, tuple[object, ...]]]:
    # Our migrations take longer than most tests: they run once, and tests share what they make.
    store = migrated(clickhouse_door.port, "test_tables")
    yield store, _shape_of(store)
    store.close()


@pytest.fixture
def store(_tables: tuple[Store, tuple[object, ...]]) -> Iterator[Store]:
    """All our tables and views, empty. Change rows, never the shape: the next test gets the same tables."""
    store, shape = _tables
    full = "database = {database:String} AND engine LIKE '%MergeTree' AND total_rows > 0 AND name != 'migrations_log'"
    for [table] in store.rows(f"SELECT name FROM system.tables WHERE {full}", {"database": store.database}):
        store.command(f"TRUNCATE TABLE {store.database}.{table}")
    yield store
    assert _shape_of(store) == shape, "the test has changed tables or views that others use: take `door_database`"


@pytest.fixture(scope="session")
def _chdb_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    # One for the whole process: chDB opens one data directory at a time.
    engine = Engine(tmp_path_factory.mktemp("chdb"))
    yield engine
    engine.close()


@pytest.fixture
def chdb_session(_chdb_engine: Engine) -> Iterator[EngineConnection]:
    """A connection to the engine in this process, whose current database is empty and dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    session = _chdb_engine.connect()
    session.query(f"CREATE DATABASE {name} ENGINE = Atomic")
    session.apply({}, database=name)
    yield session
    session.apply({}, database="default")
    session.query(f"DROP DATABASE {name} SYNC")
    session.close()
