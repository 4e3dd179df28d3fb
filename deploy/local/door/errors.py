"""ClickHouse's errors as the HTTP interface shows them: a code, a name, a text and an HTTP status."""

from __future__ import annotations

import re
from typing import Final

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)(?: \(version [^)]*\))?\s*$")

UNKNOWN_EXCEPTION: Final = 1002
# Which status a server answers for which error; all others are 500.
_STATUSES: Final[dict[int, str]] = {
    400: """BAD_ARGUMENTS BAD_QUERY_PARAMETER CANNOT_DECOMPRESS CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME
        CANNOT_PARSE_ESCAPE_SEQUENCE CANNOT_PARSE_INPUT_ASSERTION_FAILED CANNOT_PARSE_NUMBER
        CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_TEXT CANNOT_PARSE_UUID CANNOT_READ_ALL_DATA
        EXPECTED_END_OF_FILE ILLEGAL_AGGREGATION ILLEGAL_COLUMN ILLEGAL_TYPE_OF_ARGUMENT INCORRECT_DATA
        NUMBER_OF_ARGUMENTS_DOESNT_MATCH SYNTAX_ERROR THERE_IS_NO_COLUMN TOO_BIG_AST TOO_DEEP_AST
        TYPE_MISMATCH UNKNOWN_QUERY_PARAMETER""",
    401: "REQUIRED_PASSWORD",
    403: "AUTHENTICATION_FAILED ACCESS_DENIED",
    404: """UNKNOWN_DATABASE UNKNOWN_FORMAT UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_SETTING UNKNOWN_STORAGE
        UNKNOWN_TABLE UNKNOWN_TYPE SESSION_NOT_FOUND""",
    408: "TIMEOUT_EXCEEDED",
    413: "QUERY_IS_TOO_LARGE REQUEST_TOO_LARGE",
    501: "NOT_IMPLEMENTED",
    503: "SERVER_OVERLOADED",
}
_STATUS_OF: Final = {name: status for status, names in _STATUSES.items() for name in names.split()}


class DoorError(Exception):
    """An error to answer: `code` is ClickHouse's number, `name` its name, `status` the HTTP status."""

    def __init__(self, code: int, name: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.name = name

    @property
    def status(self) -> int:
        """The HTTP status that goes with the error's name."""
        return _STATUS_OF.get(self.name, 500)

    @property
    def text(self) -> str:
        """The body of the answer, as a server writes it."""
        return f"Code: {self.code}. DB::Exception: {self}. ({self.name})"


class EngineError(DoorError):
    """What the engine said, with its own text kept."""

    def __init__(self, message: str) -> None:
        found = _CODE.search(message)
        name = _NAME.search(message)
        # The binding puts words of its own before the engine's text.
        self._text = message[found.start() :] if found else message
        super().__init__(
            int(found[1]) if found else UNKNOWN_EXCEPTION, name[1] if name else "UNKNOWN_EXCEPTION", self._text
        )

    @property
    def text(self) -> str:
        """The engine's own text, which begins with `Code:` whenever it has one."""
        return self._text
