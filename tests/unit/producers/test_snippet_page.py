"""The snippet as the collector serves it: cached, packed, and with the hash that its bytes have."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path

import httpx
import pytest

from producers.collector.app import Collector
from producers.collector.snippet import DIST, build
from producers.settings import CollectorSettings
from schemas.catalogue import load

PLAIN = (DIST / "touchpath.min.js").read_bytes()
VERSION = json.loads((DIST.parent / "package.json").read_text(encoding="utf-8"))["version"]


@pytest.fixture
def door() -> httpx.AsyncClient:
    collector = Collector(CollectorSettings(), None, load())  # type: ignore[arg-type] # nothing is published
    return httpx.AsyncClient(transport=httpx.ASGITransport(collector.app), base_url="http://collect.example.org")


@pytest.mark.parametrize("packed", [True, False])
async def test_a_browser_gets_the_build_packed_where_it_takes_that(door: httpx.AsyncClient, packed: bool) -> None:
    answer = await door.get("/touchpath.js", headers={"accept-encoding": "gzip, br" if packed else "gzip;q=0"})
    assert answer.status_code == 200
    assert answer.content == PLAIN
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_a_browser_that_has_it_is_told_so_and_gets_nothing(door: httpx.AsyncClient, encoding: str) -> None:
    headers = {"accept-encoding": encoding}
    first = await door.get("/touchpath.js", headers=headers)
    tag = first.headers["etag"]
    again = await door.get("/touchpath.js", headers={**headers, "if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    changed = await door.get("/touchpath.js", headers={**headers, "if-none-match": '"other"'})
    assert changed.status_code == 200


async def test_the_two_packings_have_tags_of_their_own(door: httpx.AsyncClient) -> None:
    tags = {
        (await door.get("/touchpath.js", headers={"accept-encoding": name})).headers["etag"]
        for name in ("gzip", "identity")
    }
    assert len(tags) == 2


async def test_an_address_names_the_bytes_and_may_be_kept_for_ever(door: httpx.AsyncClient) -> None:
    told = (await door.get("/touchpath.json")).json()
    answer = await door.get(told["path"])
    assert answer.content == PLAIN
    assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in (await door.get("/touchpath.js")).headers["cache-control"]
    other = await door.get("/touchpath-0123456789abcdef.js")
    assert (other.status_code, other.json()["code"]) == (404, "not_found")


async def test_the_hash_that_is_told_is_the_one_that_a_browser_will_compute(door: httpx.AsyncClient) -> None:
    told = (await door.get("/touchpath.json")).json()
    served = (await door.get(told["path"])).content
    assert told["integrity"] == "sha384-" + base64.b64encode(hashlib.sha384(served).digest()).decode()
    assert told["version"] == VERSION
    assert f'integrity="{told["integrity"]}"' in told["script"]
    assert f'src="http://collect.example.org{told["path"]}"' in told["script"]


async def test_the_line_to_copy_is_html_whatever_host_was_asked_for(door: httpx.AsyncClient) -> None:
    told = (await door.get("/touchpath.json", headers={"host": 'x"><b'})).json()
    assert "<b" not in told["script"]


async def test_any_page_may_fetch_it_with_integrity_which_needs_cors(door: httpx.AsyncClient) -> None:
    for origin in ("https://shop.example.org", None):
        answer = await door.get("/touchpath.js", headers={"origin": origin} if origin else {})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["vary"] == "Accept-Encoding", "a cache in between may give every page the same"


def test_it_is_under_six_kilobytes_as_it_goes_over_the_wire() -> None:
    assert len(build().gzipped) < 6000
    assert gzip.decompress(build().gzipped) == PLAIN


def test_the_build_says_its_version_and_needs_nothing_from_elsewhere() -> None:
    assert build().version == VERSION
    text = PLAIN.decode()
    assert "import(" not in text
    assert "require(" not in text
    assert "eval(" not in text
    assert "Function(" not in text
    package = json.loads((Path(DIST).parent / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package
