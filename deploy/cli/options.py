"""Options that several commands share, and the settings that they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from deploy.settings import Loaded, Settings
    from producers.settings import SourceSettings
    from schemas.catalogue import Catalogue
    from streams.core.stage import Stage

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
TimezoneOption = Annotated[str | None, typer.Option("--timezone", help="Zone of times without one: Europe/Berlin.")]
CurrencyOption = Annotated[str | None, typer.Option("--currency", help="Of amounts without one: EUR.")]
PhoneRegionOption = Annotated[
    str | None, typer.Option("--phone-region", help="Country of telephone numbers without one: DE.")
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


def checked_stages(settings: Settings, catalogue: Catalogue) -> list[Stage]:
    """Make the worker's stages; a user's model that cannot be loaded ends the command with line and reason."""
    from deploy.wiring import place_of, stages
    from streams.core.attribution.user_models import UserModelError

    try:
        return stages(catalogue)
    except UserModelError as error:
        models = catalogue.attribution.models
        name = next(name for name, model in models.items() if model.entry_point == error.entry_point)
        where = ["attribution", "models", name, "entry_point"]
        raise CommandError(f"{place_of(settings, where)}: {error}", Exit.USAGE) from error


def source_settings(settings: Settings, name: str, **options: Any) -> SourceSettings:
    """Look a source up; options override. An option that cannot be used ends the command with its reason."""
    from pydantic import ValidationError

    from deploy.sources import source_of
    from schemas.quarantine import reason_of

    try:
        return source_of(settings, name, **options)
    except ValidationError as error:
        # The options are called as the fields, but for one.
        reason = reason_of(error).removeprefix("$.").replace("default_currency", "currency").replace("_", "-", 1)
        raise CommandError(f"--{reason}", Exit.USAGE) from error
