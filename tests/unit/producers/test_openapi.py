"""The OpenAPI document tells of every path that there is, and of nothing else; its examples are taken."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from producers.adapters.registry import ADAPTERS
from producers.collector.app import Collector
from producers.collector.doors import ADMIN_DOORS, DOORS, PAGES
from producers.collector.openapi import document
from producers.settings import CollectorSettings
from schemas.catalogue import load
from tests.unit.producers.accepting import AcceptingPublisher

COLLECTOR = Collector(
    CollectorSettings.model_validate(
        {
            "write_keys": [{"key": "local", "source": "local", "default_currency": "EUR", "snowplow_app_ids": ["*"]}],
            "admin_keys": [{"key": "YOUR_ADMIN_KEY", "name": "tests"}],
        }
    ),
    AcceptingPublisher(),  # type: ignore[arg-type] # the fake
    load(),
    lambda: datetime(2024, 5, 1, 12, tzinfo=UTC),
    lookup=lambda key: {"identifier": key},
)
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(DOORS, PAGES, ADMIN_DOORS)))


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, item in DOCUMENT["paths"].items() for method, one in item.items()]


def test_every_route_is_in_the_document_and_everything_in_the_document_is_a_route() -> None:
    routes = {
        (route.path.replace(":path}", "}"), method.lower())
        for route in COLLECTOR.app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, method, _ in operations()}


def test_every_hook_is_named() -> None:
    [parameter] = DOCUMENT["paths"]["/hooks/{adapter}"]["post"]["parameters"]
    assert parameter["schema"]["enum"] == sorted(name for name, one in ADAPTERS.items() if one.hook is not None)


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_success() -> None:
    names = [one["operationId"] for _, _, one in operations()]
    assert sorted(set(names)) == sorted(names)
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)
    assert all(one["summary"] and {"200", "202"} & one["responses"].keys() for _, _, one in operations())


def test_every_parameter_of_a_path_is_described() -> None:
    for path, _, one in operations():
        described = [parameter["name"] for parameter in one.get("parameters", []) if parameter["in"] == "path"]
        assert described == re.findall(r"{(\w+)", path)


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    text = json.dumps(DOCUMENT)
    for name in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])
    for _, _, one in operations():
        for content in one.get("requestBody", {}).get("content", {}).values():
            Draft202012Validator.check_schema(content["schema"])


async def test_the_collector_gives_the_document() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(COLLECTOR.app), base_url="http://door") as client:
        assert (await client.get("/openapi.json")).json() == DOCUMENT


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
async def test_the_line_that_the_first_page_shows_for_a_door_works(door: Any) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(COLLECTOR.app), base_url="http://door") as client:
        [said] = [one for one in (await client.get("/")).json()["doors"] if one["name"] == door.name]
        curl, _, user, address, _, body = shlex.split(said["try"])
        assert (curl, user) == ("curl", "local:")
        answer = await client.post(address, content=body, auth=("local", ""))
    assert answer.status_code == 200, answer.text
    assert answer.json()["quarantined"] == 0
    assert answer.json()["received"] > 0
    schema = {**DOCUMENT["components"]["schemas"]["Tally"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(answer.json())
    if "/" + address.split("/", 3)[3] in DOCUMENT["paths"]:
        content = DOCUMENT["paths"][door.paths[0]]["post"]["requestBody"]["content"]["application/json"]
        Draft202012Validator(content["schema"]).validate(json.loads(body))


@pytest.mark.parametrize("door", ADMIN_DOORS, ids=lambda door: door.name)
async def test_the_line_that_the_first_page_shows_for_an_admin_door_works(door: Any) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(COLLECTOR.app), base_url="http://door") as client:
        [said] = [one for one in (await client.get("/")).json()["admin"] if one["name"] == door.name]
        curl, _, header, address, *rest = shlex.split(said["try"])
        assert (curl, header) == ("curl", "Authorization: Bearer YOUR_ADMIN_KEY")
        headers = dict([header.split(": ", 1)])
        if rest:
            answer = await client.post(address, content=rest[1], headers=headers)
        else:
            answer = await client.get(address, headers=headers)
        assert address.removeprefix("http://door") in (await client.get("/", headers={"Accept": "text/html"})).text
    assert answer.status_code == door.done[0], answer.text
    if rest:
        schema = {**DOCUMENT["components"]["schemas"]["CommandTaken"], "components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(answer.json())
        content = DOCUMENT["paths"][door.paths[0]]["post"]["requestBody"]["content"]["application/json"]
        Draft202012Validator(content["schema"]).validate(json.loads(rest[1]))
