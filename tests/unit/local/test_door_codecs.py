"""Bodies in every encoding, cut anywhere; ClickHouse's own blocks; the checksum that the engine itself writes."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.door import formats
from deploy.local.door.access import Access
from deploy.local.door.call import read_call
from deploy.local.door.cityhash import cityhash128
from deploy.local.door.codecs import PIECE_BYTES, Decoder, choose_encoding, encoder
from deploy.local.door.engine import EngineConnection
from deploy.local.door.errors import DoorError, EngineError
from deploy.local.door.native_blocks import BlockReader, BlockWriter

PACK = {"lz4": lz4.frame.compress, "gzip": gzip.compress, "deflate": zlib.compress}


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 50), st.sampled_from(sorted(PACK)))
def test_several_frames_cut_anywhere_come_out_whole(plain: list[bytes], size: int, encoding: str) -> None:
    decoder = Decoder(encoding)
    packed = b"".join(PACK[encoding](part) for part in plain)
    out = b"".join(part for piece in pieces(packed, size) for part in decoder.feed(piece))
    decoder.end()
    assert out == b"".join(plain)


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip", "deflate"])
def test_what_the_encoder_packs_the_decoder_unpacks_in_bounded_pieces(encoding: str) -> None:
    plain = bytes(5 * PIECE_BYTES)
    packer, decoder = encoder(encoding), Decoder(encoding)
    out = list(decoder.feed(packer.feed(plain) + packer.end()))
    decoder.end()
    assert b"".join(out) == plain
    assert max(map(len, out)) <= PIECE_BYTES


def test_a_cut_off_frame_is_noticed() -> None:
    decoder = Decoder("gzip")
    list(decoder.feed(gzip.compress(b"something")[:-4]))
    with pytest.raises(DoorError, match="middle of a frame"):
        decoder.end()


def test_an_encoding_that_the_client_refuses_is_not_chosen() -> None:
    assert choose_encoding("br, lz4;q=0, gzip") == "gzip"
    assert choose_encoding("identity") is None


@given(st.binary(max_size=200_000), st.integers(1, 70_000))
def test_blocks_cut_anywhere_come_out_whole(plain: bytes, size: int) -> None:
    reader = BlockReader()
    out = b"".join(part for piece in pieces(BlockWriter().feed(plain), size) for part in reader.feed(piece))
    reader.end()
    assert out == plain


@pytest.mark.parametrize("head", [(0x82, 5, 5), (0x82, 1 << 30, 10), (0x55, 9, 0)])
def test_an_impossible_block_is_refused(head: tuple[int, int, int]) -> None:
    with pytest.raises(DoorError, match="compressed blocks"):
        list(BlockReader().feed(bytes(16) + struct.pack("<BII", *head)))


def test_the_checksum_is_the_one_that_the_engine_writes_to_its_files(
    chdb_session: EngineConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checked = 0
    for number, length in enumerate([1, 2, 3, 5, 10, 17, 20, 40, 70, 150, 1000]):
        chdb_session.query(f"CREATE TABLE t{number} (a UInt64, b String) ENGINE = TinyLog")
        sql = f"INSERT INTO t{number} SELECT rand64(), randomString({length}) FROM numbers({length})"
        chdb_session.query(sql)
        found = chdb_session.query(
            f"SELECT data_paths[1] FROM system.tables WHERE database = currentDatabase() AND name = 't{number}'"
        )
        for file in Path(found.body.decode().strip()).glob("*.bin"):
            content = file.read_bytes()
            at = 0
            while at < len(content):
                low, high, _, size = struct.unpack_from("<QQBI", content, at)
                assert cityhash128(content[at + 16 : at + 16 + size]) == (low, high)
                at += 16 + size
                checked += 1
    assert checked > 20


def test_a_repeated_header_is_cut_from_later_pieces() -> None:
    header = b"\x02\x01a\x01b\x05UInt8\x06String"
    assert formats.without_header("RowBinaryWithNamesAndTypes", header + b"rows") == b"rows"
    assert formats.without_header("RowBinaryWithNames", b"\x01\x01arows") == b"rows"
    assert formats.without_header("Native", b"block") == b"block"


def test_the_engines_words_before_its_error_are_dropped() -> None:
    error = EngineError("Streaming query failed: Code: 60. DB::Exception: No such. (UNKNOWN_TABLE) (version 1.2)\n")
    assert (error.code, error.name, error.status) == (60, "UNKNOWN_TABLE", 404)
    assert error.text.startswith("Code: 60. DB::Exception: No such.")


def test_what_is_no_parameter_of_the_interface_is_a_setting() -> None:
    call = read_call("GET", [("query", "q"), ("max_threads", "2"), ("param_x", "1"), ("database", "d")], {})
    assert (call.settings, call.params, call.database, call.readonly) == ({"max_threads": "2"}, {"x": "1"}, "d", True)


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost", "[::1]:8123"])
def test_without_a_password_programs_on_this_machine_come_in(host: str) -> None:
    Access().check_caller({"host": host})
    Access().check_caller({"host": host, "origin": f"http://{host}"})


def test_with_a_password_any_host_name_will_do() -> None:
    Access("ada", "secret").check_caller({"host": "clickhouse.internal:8123", "origin": "https://dashboard.internal"})
