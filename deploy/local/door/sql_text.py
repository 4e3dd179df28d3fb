"""Reads just enough of a statement to route it: where an INSERT's data begins and which format is asked for.

Pure, on bytes, never raises: what it does not understand goes to the engine as it is, which says what is wrong.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb"""(?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|\$(\w*)\$.*?\$\3\$)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)
# One line end after the format's name belongs to the statement, the rest is data.
_BEFORE_DATA = re.compile(rb"[ \t\f]*;?[ \t\f]*\r?\n?")
_READS = {b"SELECT", b"WITH", b"FROM"}
_ONLY_READS = _READS | {b"SHOW", b"DESCRIBE", b"DESC", b"EXISTS", b"EXPLAIN"}
_CHANGES_SESSION = {b"SET", b"USE"}


class Insert(NamedTuple):
    """An INSERT that carries data: `head` ends before FORMAT or VALUES (`clause`), the data begins at `data_at`."""

    head: bytes
    clause: bytes
    format: str
    data_at: int


class Token(NamedTuple):
    """A token that means something, with its place and the depth of brackets around it."""

    kind: str
    value: bytes
    start: int
    end: int
    depth: int


def tokens(sql: bytes) -> Iterator[Token]:
    """Yield the tokens of `sql` without space and comments."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "text"
        if kind == "space":
            continue
        value = match.group()
        if value in b"([{" and kind == "sign":
            depth += 1
        elif value in b")]}" and kind == "sign":
            depth -= 1
        yield Token(kind, value, match.start(), match.end(), depth)


def first_word(sql: bytes) -> bytes:
    """Return the first word in capitals, brackets before it skipped; empty when there is none."""
    for token in tokens(sql):
        if token.kind == "word":
            return token.value.upper()
        if token.value != b"(":
            return b""
    return b""


def insert_with_data(sql: bytes) -> Insert | None:
    """Return where the data of an INSERT begins; None for anything else, INSERT … SELECT included.

    Only the head is looked at, so megabytes of data behind it cost nothing.
    """
    if first_word(sql) != b"INSERT":
        return None
    before_format: int | None = None
    for token in tokens(sql):
        if before_format is not None:
            if token.kind != "word":
                return None
            rest = _BEFORE_DATA.match(sql, token.end)
            assert rest is not None  # noqa: S101 - the pattern matches the empty string too
            return Insert(
                bytes(sql[:before_format]), bytes(sql[before_format : rest.end()]), token.value.decode(), rest.end()
            )
        if token.kind != "word" or token.depth:
            continue
        word = token.value.upper()
        if word == b"VALUES":
            return Insert(bytes(sql[: token.start]), bytes(token.value), "Values", token.end)
        if word in _READS:
            return None
        if word == b"FORMAT":
            before_format = token.start
    return None


def result_format(sql: bytes) -> str | None:
    """Return the format of the FORMAT clause at the end of a statement, None without one."""
    found: str | None = None
    after_format = False
    for token in tokens(sql):
        if token.depth == 0 and token.kind == "word":
            if after_format:
                found, after_format = token.value.decode(), False
                continue
            word = token.value.upper()
            if word == b"FORMAT":
                after_format = True
                continue
            if word in _READS:
                found = None
        after_format = False
    return found


def only_reads(sql: bytes) -> bool:
    """Whether the statement is of a kind that changes nothing outside its session."""
    return first_word(sql) in _ONLY_READS or changes_session(sql)


def is_select(sql: bytes) -> bool:
    """Whether the engine can hand out the result piece by piece."""
    return first_word(sql) in _READS


def changes_session(sql: bytes) -> bool:
    """Whether the statement leaves something behind in its session: a setting, a database, a temporary table."""
    words = [token.value.upper() for token in itertools.islice(_words(sql), 4)]
    if not words:
        return False
    if words[0] in _CHANGES_SESSION:
        return True
    # CREATE TEMPORARY, CREATE OR REPLACE TEMPORARY, DROP TEMPORARY; not a table that is called `temporary`.
    return words[0] in (b"CREATE", b"DROP") and b"TEMPORARY" in (words[1:2] + words[3:4])


def is_several(sql: bytes) -> bool:
    """Whether something follows the semicolon that ends the first statement."""
    ended = False
    for token in tokens(sql):
        if ended and token.value != b";":
            return True
        ended = ended or token.value == b";"
    return False


def _words(sql: bytes) -> Iterator[Token]:
    return (token for token in tokens(sql) if token.kind == "word")
