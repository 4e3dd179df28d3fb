"""JSON Schema of what each topic holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.topics import Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def exported(topics: Iterable[Topic]) -> dict[str, dict[str, Any]]:
    """Give the JSON Schema of each topic's value by the topic's name, with key, version and rule beside it."""
    return {
        topic.name: {
            "$schema": DIALECT,
            "$id": f"urn:touchpath:{topic.name}:v{topic.version}",
            **topic.model.model_json_schema(mode="serialization"),
            "x-topic": topic.name,
            "x-key": topic.key,
            "x-version": topic.version,
            "x-compatibility": topic.compatibility,
        }
        for topic in topics
    }
