"""Options that several commands share, and the settings that they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from deploy.settings import Loaded, Settings
    from schemas.catalogue import Catalogue

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="TOML file of settings. Without it TOUCHPATH_CONFIG names one, else ./touchpath.toml is read.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]
CatalogueOption = Annotated[
    Path | None, typer.Option("--catalogue", metavar="FILE", help="Catalogue file; the one that ships by default.")
]


def loaded(config: Path | None, **options: Any) -> Loaded:
    """Read the settings; `kafka__bootstrap_servers` is the option for `kafka.bootstrap_servers`."""
    from deploy.settings import SettingsError, load

    try:
        return load(config, {name.replace("__", "."): value for name, value in options.items()})
    except SettingsError as error:
        raise CommandError(str(error), Exit.USAGE) from error


def settings_of(config: Path | None, **options: Any) -> Settings:
    """Read the settings, without where they come from."""
    return loaded(config, **options).settings


def checked_catalogue(settings: Settings) -> Catalogue:
    """Read the catalogue in force; a bad one ends the command with line and reason."""
    from deploy.wiring import catalogue_of
    from schemas.catalogue import CatalogueError

    try:
        return catalogue_of(settings)
    except CatalogueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
