"""What a command that failed has said."""

from typer.testing import Result

from deploy.cli.exits import CommandError, Exit


def failed(result: Result, code: Exit) -> str:
    """The message of a command that ended with this code."""
    assert isinstance(result.exception, CommandError), result.exception
    assert result.exception.code == code
    return str(result.exception)
