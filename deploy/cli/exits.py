"""What the exit code of every command means, in one place."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes that scripts can trust."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_READY = 3


EXPLAINED = {
    Exit.DONE: "done",
    Exit.FAILED: "failed; the last line of standard error says why",
    Exit.USAGE: "wrong usage: an option, a setting or a file cannot be used",
    Exit.NOT_READY: "not ready, or not finished in time; trying again may help",
}


class CommandError(Exception):
    """A command ends here; the message is for people, the code for scripts."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code
