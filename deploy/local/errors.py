"""The one error of the embedded stack that a person is meant to read."""


class LocalStackError(RuntimeError):
    """A part of the local stack cannot run; the message says what to do about it."""
