"""Commands that bring data in and wait for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.options import ConfigOption, JsonOption


def settle(
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds.")] = 60,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Wait until every accepted event is queryable in ClickHouse or quarantined, and say how many of each.

    Exit code 3 when that is not so after --timeout seconds.

      touchpath settle --timeout 120 && touchpath sql "SELECT count() FROM touchpoints"
    """
    raise NotImplementedError


def store(files: Annotated[list[Path], typer.Argument(help="CSV files.")]) -> None:
    """Import receipts."""
    raise NotImplementedError
