"""The command `touchpath`. Nothing heavy is imported until a command runs, so that `--help` comes at once."""

from __future__ import annotations


def main() -> None:
    """Run the command line; exits with the codes that `deploy.cli.exits` lists."""
    from deploy.cli.app import run

    run()
