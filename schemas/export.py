"""JSON Schema of what each topic holds, for readers in other languages. Pure, but for `export`, which writes files.

The schemas are not committed: they follow from the models, and a copy would only be able to differ from them.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schemas.topics import TOPICS, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(topic: Topic) -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) that a reader of the topic may rely on.

    It is the schema of what is accepted, so it takes every record of this version, old ones without newer fields too.
    """
    return {
        "$schema": DIALECT,
        "$id": f"urn:touchpath:{topic.name}:v{topic.version}",
        **topic.model.model_json_schema(mode="validation"),
        "x-topic": topic.name,
        "x-key": topic.key,
        "x-version": topic.version,
        "x-compatibility": topic.compatibility,
    }


def export(folder: Path, wanted: Iterable[Topic] = TOPICS) -> list[Path]:
    """Write one file per topic, `<topic>.v<version>.json`, into the folder, and give their paths.

    The folder is made where it is missing; files of the same name are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for topic in wanted:
        path = folder / f"{topic.name}.v{topic.version}.json"
        path.write_text(json.dumps(json_schema(topic), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written
