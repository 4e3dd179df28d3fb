"""The local ClickHouse door as its users meet it: curl, drivers, two at a time, a wrong password, a pulled plug."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import lz4.frame
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from deploy.local.door.native_blocks import BlockReader, BlockWriter
from deploy.local.door_process import ClickHouseDoor
from deploy.local.errors import LocalStackError

LONG = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(number)"


@pytest.fixture
def http(clickhouse_door: ClickHouseDoor) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=clickhouse_door.url, timeout=60) as client:
        yield client


@pytest.fixture
def table(http: httpx.Client, door_database: str) -> str:
    name = f"{door_database}.t"
    sql = f"CREATE TABLE {name} (id UInt64, text String) ENGINE = MergeTree ORDER BY id"
    assert http.post("/", content=sql).status_code == 200
    return name


@pytest.fixture
def own_door(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[ClickHouseDoor]:
    door = ClickHouseDoor(tmp_path / "data", free_port(), tmp_path / "door.log")
    door.start()
    door.wait_ready()
    yield door
    door.stop()


def answer(http: httpx.Client, sql: str, **params: Any) -> str:
    got = http.post("/", content=sql, params=params)
    assert got.status_code == 200, got.text
    return got.text


def test_curl_asks_by_get_and_by_post(clickhouse_door: ClickHouseDoor) -> None:
    def curl(*options: str, body: str = "") -> str:
        done = subprocess.run(["curl", "-sS", *options], input=body, capture_output=True, text=True, check=True)
        return done.stdout

    assert curl(f"{clickhouse_door.url}?query=SELECT+1") == "1\n"
    assert curl("--data-binary", "@-", clickhouse_door.url, body="SELECT 1") == "1\n"
    assert curl(f"{clickhouse_door.url}ping") == "Ok.\n"
    assert curl(f"{clickhouse_door.url}replicas_status") == "Ok.\n"
    assert curl(clickhouse_door.url) == "Ok.\n"
    assert "200 OK" in curl("-I", clickhouse_door.url)


def test_a_statement_begun_in_the_url_ends_in_the_body(http: httpx.Client, table: str) -> None:
    assert answer(http, "1\tone\n2\ttwo\n", query=f"INSERT INTO {table} FORMAT TabSeparated") == ""
    assert answer(http, "(3, 'three')", query=f"INSERT INTO {table} VALUES") == ""
    assert answer(http, f"{table} ORDER BY id", query="SELECT text FROM") == "one\ntwo\nthree\n"


def test_the_answer_carries_the_headers_that_drivers_read(http: httpx.Client) -> None:
    got = http.post("/", content="SELECT 1 FORMAT JSON", params={"query_id": "mine"})
    assert got.headers["X-ClickHouse-Query-Id"] == "mine"
    assert got.headers["X-ClickHouse-Format"] == "JSON"
    assert got.headers["X-ClickHouse-Timezone"]
    assert got.headers["X-ClickHouse-Server-Display-Name"]
    assert int(json.loads(got.headers["X-ClickHouse-Summary"])["read_rows"]) == 1
    assert got.json()["rows"] == 1


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [("SELEC", 400, 62), ("SELECT * FROM nowhere", 404, 60), ("", 400, 62), ("SELECT 1; SELECT 2", 400, 62)],
)
def test_an_error_is_text_with_a_status_and_a_code(http: httpx.Client, sql: str, status: int, code: int) -> None:
    got = http.post("/", content=sql)
    assert got.status_code == status
    assert got.headers["X-ClickHouse-Exception-Code"] == str(code)
    assert got.text.startswith(f"Code: {code}. DB::Exception: ")


def test_get_reads_only(http: httpx.Client, table: str) -> None:
    for session in ({}, {"session_id": "reader"}):
        refused = http.get("/", params={"query": f"DROP TABLE {table}", **session})
        assert refused.headers["X-ClickHouse-Exception-Code"] == "164"
    assert answer(http, f"EXISTS {table}") == "1\n"


def test_settings_and_parameters_come_in_the_url(http: httpx.Client) -> None:
    assert answer(http, "SELECT getSetting('max_threads')", max_threads="3") == "3\n"
    assert answer(http, "SELECT {n:UInt8} + 1, {s:String}", param_n="41", param_s="it's\\n") == "42\tit\\'s\\n\n"
    unknown = http.post("/", content="SELECT 1", params={"no_such_setting": "1"})
    assert (unknown.status_code, unknown.headers["X-ClickHouse-Exception-Code"]) == (404, "115")
    # A setting belongs to its request.
    assert answer(http, "SELECT getSetting('max_result_rows')", max_result_rows="7") == "7\n"
    assert answer(http, "SELECT getSetting('max_result_rows')") == "0\n"


def test_a_session_keeps_settings_and_temporary_tables_to_itself(http: httpx.Client) -> None:
    answer(http, "SET max_result_rows = 99", session_id="mine")
    answer(http, "CREATE TEMPORARY TABLE scratch (id Int8)", session_id="mine")
    answer(http, "INSERT INTO scratch VALUES (5)", session_id="mine", max_threads="1")
    assert answer(http, "SELECT id, getSetting('max_result_rows') FROM scratch", session_id="mine") == "5\t99\n"
    assert http.post("/", content="SELECT id FROM scratch", params={"session_id": "yours"}).status_code == 404


def test_a_session_is_free_as_soon_as_its_answer_is_read(http: httpx.Client) -> None:
    answer(http, "SET max_result_rows = 99999", session_id="quick")
    for number in range(100):
        streamed = number % 2
        sql = "SELECT number FROM numbers(3)" if streamed else "CREATE TEMPORARY TABLE IF NOT EXISTS t (id Int8)"
        assert answer(http, sql, session_id="quick") == ("0\n1\n2\n" if streamed else "")


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip", "deflate"])
def test_a_compressed_body_of_several_frames_is_read_whole(http: httpx.Client, table: str, encoding: str) -> None:
    packers = {"lz4": lz4.frame.compress, "gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd_compress}
    frames = b"".join(packers[encoding](b"%d\tframe\n" % number) for number in range(5))
    params = {"query": f"INSERT INTO {table} FORMAT TSV"}
    assert http.post("/", params=params, content=frames, headers={"Content-Encoding": encoding}).status_code == 200
    assert answer(http, f"SELECT count(), sum(id) FROM {table}") == "5\t10\n"


def zstd_compress(data: bytes) -> bytes:
    from clickhouse_connect.driver.compression import _zstd_compress  # noqa: PLC0415 - picks the right module

    packed: bytes = _zstd_compress(data)
    return packed


@pytest.mark.parametrize(
    ("encoding", "body", "code"),
    [
        ("gzip", b"no gzip at all", "271"),
        ("gzip", gzip.compress(b"1\tx\n" * 99, mtime=0)[:-9], "271"),
        ("snappy", b"", "48"),
    ],
)
def test_a_broken_body_is_refused_and_nothing_is_inserted(
    http: httpx.Client, table: str, encoding: str, body: bytes, code: str
) -> None:
    params = {"query": f"INSERT INTO {table} FORMAT TSV"}
    got = http.post("/", params=params, content=body, headers={"Content-Encoding": encoding})
    assert got.headers["X-ClickHouse-Exception-Code"] == code
    assert answer(http, f"SELECT count() FROM {table}") == "0\n"


def test_a_body_that_unpacks_beyond_the_limit_is_refused(tmp_path: Path, free_port: Callable[[], int]) -> None:
    door = ClickHouseDoor(tmp_path / "data", free_port(), tmp_path / "log", max_body_mb=8)
    door.start()
    try:
        door.wait_ready()
        bomb = gzip.compress(bytes(64 << 20))
        assert len(bomb) < 100_000
        got = httpx.post(
            door.url, params={"query": "INSERT INTO FUNCTION null('s String') FORMAT LineAsString"},
            content=bomb, headers={"Content-Encoding": "gzip"}, timeout=60,
        )  # fmt: skip
        assert got.status_code == 413
    finally:
        door.stop()


@pytest.mark.parametrize("compression", [False, "lz4", "zstd", "gzip"])
def test_the_driver_reads_back_what_it_inserted_under_each_compression(
    clickhouse_door: ClickHouseDoor, table: str, compression: str | bool
) -> None:
    many = 200_000
    with clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse_door.port, compress=compression) as client:
        texts = [str(number) for number in range(many)]
        done = client.insert(table, [list(range(many)), texts], column_names=["id", "text"], column_oriented=True)
        assert done.written_rows == many
        with client.query_row_block_stream(f"SELECT id, text FROM {table} ORDER BY id") as blocks:
            rows = [row for block in blocks for row in block]
        assert rows == list(zip(range(many), texts, strict=True))
        client.raw_insert(table, ["id", "text"], b'0,"raw"\n', fmt="CSV", compression=None)
        assert client.command(f"SELECT count() FROM {table}") == many + 1


def test_a_large_binary_result_has_its_header_once(http: httpx.Client) -> None:
    many = 300_000
    sql = f"SELECT number AS n FROM numbers({many}) FORMAT RowBinaryWithNamesAndTypes"
    body = http.post("/", content=sql).content
    header = b"\x01\x01n\x06UInt64"
    assert body.startswith(header)
    assert [one for (one,) in struct.iter_unpack("<Q", body[len(header) :])] == list(range(many))


def test_an_empty_binary_result_still_names_its_columns(http: httpx.Client) -> None:
    sql = "SELECT number AS n FROM numbers(5) WHERE n > 9 FORMAT RowBinaryWithNamesAndTypes"
    assert http.post("/", content=sql).content == b"\x01\x01n\x06UInt64"


def test_the_summary_counts_the_rows_of_the_result(http: httpx.Client) -> None:
    # The JDBC driver takes a result with no rows in the summary for an empty one.
    got = http.post("/", content="SELECT number FROM numbers(7)", params={"wait_end_of_query": "1"})
    assert json.loads(got.headers["X-ClickHouse-Summary"])["result_rows"] == "7"


def test_an_error_in_the_middle_of_a_result_reaches_the_driver(clickhouse_door: ClickHouseDoor) -> None:
    sql = "SELECT throwIf(number = 3000000, 'late trouble') FROM numbers(5000000)"
    with (
        clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse_door.port) as client,
        pytest.raises((StreamFailureError, DatabaseError), match="late trouble"),
        client.query_row_block_stream(sql) as blocks,
    ):
        for _ in blocks:
            pass


def test_jdbc_blocks_go_both_ways(http: httpx.Client, table: str) -> None:
    writer = BlockWriter()
    body = writer.feed(b"1\tone\n") + writer.feed(b"2\t" + b"two" * 50_000 + b"\n")
    params = {"query": f"INSERT INTO {table} FORMAT TSV", "decompress": "1"}
    assert http.post("/", params=params, content=body).status_code == 200
    got = http.post("/", content=f"SELECT id, length(text) FROM {table} ORDER BY id", params={"compress": "1"})
    reader = BlockReader()
    assert b"".join(reader.feed(got.content)) == b"1\t3\n2\t150000\n"
    reader.end()


def test_a_ping_is_answered_and_inserts_go_through_during_a_long_query(http: httpx.Client, table: str) -> None:
    running = threading.Thread(target=lambda: http.post("/", content=f"{LONG} SETTINGS max_execution_time = 4"))
    running.start()
    try:
        wait_for(lambda: "1000000000000" in answer(http, "SELECT query FROM system.processes"))
        assert http.get("/ping").text == "Ok.\n"
        answer(http, f"INSERT INTO {table} VALUES (1, 'meanwhile')")
        assert answer(http, f"SELECT text FROM {table}") == "meanwhile\n"
        assert running.is_alive()
    finally:
        running.join()


def test_a_query_whose_client_went_away_is_cancelled(http: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        http.post("/", content=f"{LONG} SETTINGS max_execution_time = 60", timeout=1)
    wait_for(lambda: "1000000000000" not in answer(http, "SELECT query FROM system.processes"))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_writers_and_readers_side_by_side_lose_nothing(http: httpx.Client, table: str) -> None:
    def write(writer: int) -> None:
        for batch in range(10):
            rows = "".join(f"{writer * 1000 + batch * 10 + row}\tx\n" for row in range(10))
            answer(http, rows, query=f"INSERT INTO {table} FORMAT TSV")

    def read(_: int) -> None:
        for _ in range(10):
            assert int(answer(http, f"SELECT count() FROM {table}")) % 10 == 0

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(4) for work in (write, read)]:
            done.result()
    assert answer(http, f"SELECT count(), uniqExact(id) FROM {table}") == "400\t400\n"


def test_what_was_acknowledged_is_there_after_a_kill(own_door: ClickHouseDoor) -> None:
    def ask(sql: str) -> str:
        return httpx.post(own_door.url, content=sql, timeout=30).raise_for_status().text

    ask("CREATE DATABASE kept ENGINE = Atomic")
    ask("CREATE TABLE kept.t (id UInt64) ENGINE = MergeTree ORDER BY id")
    acknowledged = 0
    killer = threading.Timer(1.0, own_door.kill)
    killer.start()
    with contextlib.suppress(httpx.HTTPError):
        for number in itertools.count(1):
            ask(f"INSERT INTO kept.t VALUES ({number})")
            acknowledged = number
    killer.join()
    own_door.start()
    own_door.wait_ready()
    assert acknowledged > 0
    found = int(ask("SELECT uniqExact(id) FROM kept.t"))
    # One more may have been written whose answer the kill cut off.
    assert acknowledged <= found <= acknowledged + 1


def test_a_data_directory_in_use_is_refused_with_a_clear_message(
    own_door: ClickHouseDoor, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    second = ClickHouseDoor(own_door.data_dir, free_port(), tmp_path / "second.log")
    second.start()
    with pytest.raises(LocalStackError, match="another process uses it"):
        second.wait_ready()
    assert second.process.returncode == 75


def test_a_taken_port_is_refused_with_a_clear_message(own_door: ClickHouseDoor, tmp_path: Path) -> None:
    second = ClickHouseDoor(tmp_path / "other", own_door.port, tmp_path / "second.log")
    with pytest.raises(LocalStackError, match=f"port {own_door.port} on 127.0.0.1 is taken"):
        second.start()


def test_sigterm_stops_the_door_in_the_middle_of_a_query(own_door: ClickHouseDoor) -> None:
    def ask() -> None:
        with pytest.raises(httpx.HTTPError):
            httpx.post(own_door.url, content=LONG, timeout=60).raise_for_status()

    asking = threading.Thread(target=ask)
    asking.start()
    wait_for(lambda: "1000000000000" in httpx.post(own_door.url, content="SELECT query FROM system.processes").text)
    assert own_door.stop(timeout=20) == 0
    asking.join()


def test_a_wrong_password_is_refused(tmp_path: Path, free_port: Callable[[], int]) -> None:
    door = ClickHouseDoor(tmp_path / "data", free_port(), tmp_path / "log", user="ada", password="secret")
    door.start()
    try:
        door.wait_ready()
        assert httpx.post(door.url, content="SELECT 1", auth=("ada", "secret")).text == "1\n"
        headers = {"X-ClickHouse-User": "ada", "X-ClickHouse-Key": "secret"}
        assert httpx.post(door.url, content="SELECT 1", headers=headers).text == "1\n"
        for auth in (("ada", "wrong"), ("eve", "secret"), None):
            got = httpx.post(door.url, content="SELECT 1", auth=auth)
            assert (got.status_code, got.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    finally:
        door.stop()


def test_a_web_page_of_somebody_else_is_refused(http: httpx.Client) -> None:
    for header in ({"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example:8123"}):
        assert http.post("/", content="SELECT 1", headers=header).status_code == 403
