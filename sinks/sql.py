"""SQL from .sql files: read it, fill in the names that settings give, and cut it into statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from string import Template

from sinks.settings import DatabaseSettings

QUERIES = Path(__file__).with_name("queries")

# In order: a string, a quoted name, a comment to the line's end, a comment in the text, the end of a statement.
_PIECE = re.compile(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|--[^\n]*|/\*.*?\*/|;", re.DOTALL)


@lru_cache(maxsize=64)
def query(name: str, database: str) -> str:
    """Give the query of `queries/<name>.sql` on `database`."""
    return fill((QUERIES / f"{name}.sql").read_text(encoding="utf-8"), database)


def fill(text: str, database: str, settings: DatabaseSettings | None = None) -> str:
    """Put the names in. The settings have checked that they are names and nothing else.

    Raises:
        KeyError: the text asks for a name that there is none of.
    """
    settings = settings or DatabaseSettings()
    return Template(text).substitute(
        database=database,
        on_cluster=f"ON CLUSTER `{settings.cluster}`" if settings.cluster else "",
        replicated="Replicated" if settings.replicated else "",
    )


def statements(text: str) -> Iterator[str]:
    """Cut a script at the semicolons that are not in a string, a quoted name or a comment; comments are left out."""
    parts: list[str] = []
    end = 0
    for piece in _PIECE.finditer(text):
        parts.append(text[end : piece.start()])
        end = piece.end()
        if piece[0] == ";":
            if statement := "".join(parts).strip():
                yield statement
            parts = []
        elif piece[0].startswith(("--", "/*")):
            parts.append(" ")
        else:
            parts.append(piece[0])
    if statement := "".join([*parts, text[end:]]).strip():
        yield statement
