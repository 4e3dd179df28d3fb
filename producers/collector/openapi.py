"""The OpenAPI 3.1 document of the collector, made from the table of doors and pages and from the answers' models. Pure.

Format: https://spec.openapis.org/oas/v3.1.0
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from pydantic.json_schema import models_json_schema

from producers.collector.answers import Refused, Tally
from producers.collector.door import AdminDoor, Door, Page

TITLE = "Touchpath collector"
VERSION = "1"
_ABOUT = (
    "Touchpoints enter here. 200 says that Kafka has acknowledged every event of the request, good ones as touchpoints "
    "and bad ones in quarantine. A 4xx is final, but 408 and 429; after 503 send the same again."
)
_REFERENCE = "#/components/schemas/{model}"
_REFUSALS = {
    "400": "Nothing can be read of the body, or its one event is bad: it is kept in quarantine. Do not send it again.",
    "401": "No write key, a wrong one, one that is not valid now; or a wrong signature.",
    "403": "The write key does not open this, or not for this page.",
    "408": "The body did not arrive in time.",
    "429": "Too fast, or too much at once. `Retry-After` says how many seconds to wait.",
    "503": "Kafka takes nothing at the moment, or the collector is stopping. `Retry-After` says how long to wait.",
}
_RETRY_AFTER = {
    "Retry-After": {"description": "seconds", "required": True, "schema": {"type": "integer", "minimum": 1}}
}
_NOT_THERE = {"404": "There is no such thing."}


_ADMIN_REFUSALS = {
    "400": "It cannot be meant; the message is a path into what was sent.",
    "401": "No admin key, a wrong one, or one that is not valid now.",
    "403": "No admin key is configured, this is a write key, or a page of another site asks.",
    "408": "The body did not arrive in time.",
    "503": "Kafka or ClickHouse does not answer, or the collector is stopping. Send it again.",
}


def document(doors: Iterable[Door], pages: Iterable[Page], admin_doors: Iterable[AdminDoor] = ()) -> dict[str, Any]:
    """Give the document."""
    admin_doors = tuple(admin_doors)
    models = [(model, "serialization") for model in (Tally, Refused, *(door.done[1] for door in admin_doors)) if model]
    _, schemas = models_json_schema(models, ref_template=_REFERENCE)  # type: ignore[arg-type] # it wants the literal type
    paths: dict[str, dict[str, Any]] = {}
    for door in doors:
        for path in door.paths:
            paths[path] = {method.lower(): _of_door(door, path, method) for method in door.methods}
            if door.look is not None:
                paths[path]["get"] = _of_look(door, path)
    for page in pages:
        for path in page.paths:
            methods = [method for method in page.methods if method != "OPTIONS"]
            paths[path] = {method.lower(): _of_page(page, path, method) for method in methods}
    for admin in admin_doors:
        for path in admin.paths:
            paths[_plain(path)] = {method.lower(): _of_admin_door(admin, path, method) for method in admin.methods}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "the write key as user name, no password"},
                "query": {"type": "apiKey", "in": "query", "name": "writeKey", "description": "the write key"},
                "admin": {"type": "http", "scheme": "bearer", "description": "an admin key"},
            },
        },
    }


def _of_door(door: Door, path: str, method: str) -> dict[str, Any]:
    own = {str(status): media for status, media in door.answers.items()}
    responses = {"200": _media(own.get("200", {"application/json": "what became of each event"}), tally=True)}
    refusals = {**_REFUSALS, **(_NOT_THERE if door.parameters else {})}
    responses |= {status: _refused(about) for status, about in sorted(refusals.items())}
    for status in ("429", "503"):
        responses[status]["headers"] = _RETRY_AFTER
    operation: dict[str, Any] = {
        "operationId": _operation(door.name, door.paths, path, door.methods, method),
        "summary": door.about,
        "tags": ["events"],
        "security": [{"basic": []}, {"query": []}],
        "responses": responses,
    }
    if parameters := _parameters(path, door.parameters):
        operation["parameters"] = parameters
    if method == "POST":
        content = {"schema": dict(door.body), "example": orjson.loads(door.example)}
        # Bodies are taken for what they are: SDKs send JSON as text, too, and gzip without saying so.
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _of_look(door: Door, path: str) -> dict[str, Any]:
    return {
        "operationId": f"{door.name}_look",
        "summary": f"{door.about}: is there such an address?",
        "tags": ["pages"],
        "parameters": _parameters(path, door.parameters),
        "responses": {
            "200": {"description": "there is", "content": {"application/json": {"schema": {"type": "object"}}}},
            **{status: _refused(about) for status, about in _NOT_THERE.items()},
        },
    }


def _of_page(page: Page, path: str, method: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation(page.name, page.paths, path, page.methods, method),
        "summary": page.about,
        "tags": ["pages"],
        "responses": {
            **{str(status): _media(media) for status, media in page.answers.items()},
            "4XX": _refused("Not taken."),
            "503": _refused("Not at the moment."),
        },
    }
    if parameters := _parameters(path, page.parameters):
        operation["parameters"] = parameters
    return operation


def _of_admin_door(door: AdminDoor, path: str, method: str) -> dict[str, Any]:
    status, model, about = door.done
    schema = {"$ref": _REFERENCE.format(model=model.__name__)} if model else {"type": "object"}
    refusals = {**_ADMIN_REFUSALS, **{str(code): why for code, why in door.refusals.items()}}
    responses: dict[str, Any] = {str(code): _refused(why) for code, why in sorted(refusals.items())}
    responses["503"]["headers"] = _RETRY_AFTER
    operation: dict[str, Any] = {
        "operationId": _operation(door.name, door.paths, path, door.methods, method),
        "summary": door.about,
        "tags": ["identity"],
        "security": [{"admin": []}],
        "responses": {
            str(status): {"description": about, "content": {"application/json": {"schema": schema}}},
            **responses,
        },
    }
    parameters = _parameters(_plain(path), door.parameters)
    parameters += [
        {"name": name, "in": "header", "required": False, "description": what, "schema": {"type": "string"}}
        for name, what in door.headers.items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if door.example is not None:
        content = {"schema": dict(door.body), "example": orjson.loads(door.example)}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _plain(path: str) -> str:
    """Give an address as OpenAPI writes it: `/v1/identity/{identifier}` of `/v1/identity/{identifier:path}`."""
    return re.sub(r"{(\w+):\w+}", r"{\1}", path)


def _operation(name: str, paths: tuple[str, ...], path: str, methods: tuple[str, ...], method: str) -> str:
    """Names must differ: the first address has the door's own name, the others one after their address."""
    suffix = (
        "" if path == paths[0] else "_" + re.sub(r"[^a-z0-9]+", "_", path.lower().removeprefix(paths[0])).strip("_")
    )
    return name + (suffix if suffix != "_" else "_slash") + (f"_{method.lower()}" if methods[0] != method else "")


def _parameters(path: str, schemas: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)", path)
    return [
        {"name": name, "in": "path", "required": True, "schema": dict(schemas.get(name, {"type": "string"}))}
        for name in names
    ]


def _media(answers: Mapping[str, str], *, tally: bool = False) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for media, _about in answers.items():
        schema: dict[str, Any] = {}
        if media == "application/json":
            schema = {"$ref": _REFERENCE.format(model="Tally")} if tally else {"type": "object"}
        content[media] = {"schema": schema}
    return {"description": "; ".join(answers.values()), "content": content}


def _refused(about: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model="Refused")}
    return {"description": about, "content": {"application/json": {"schema": schema}}}
