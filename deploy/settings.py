"""The settings of every command: one typed object, and for each value where it came from.

Nearest first: an option of the command line, `TOUCHPATH_*` in the environment (`TOUCHPATH_KAFKA__SASL_USERNAME` is
`kafka.sasl_username`), the TOML file, the default. No client library is imported here.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from deploy.sections import WorkerSection
from producers.settings import CollectorSettings, IdentifierSettings, PublisherSettings, SourceSettings
from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks.settings import DatabaseSettings, SinkSettings

PREFIX = "TOUCHPATH_"
DEFAULT_FILE = Path("touchpath.toml")
#: Read by other parts of the program, and no settings of this file.
OTHER_VARIABLES = frozenset({"TOUCHPATH_CONFIG", "TOUCHPATH_CACHE_DIR", "TOUCHPATH_DOOR_PASSWORD"})
MASK = "********"


class SettingsError(ValueError):
    """A setting cannot be used. The message is one line: which setting, why, and where it came from."""


class Settings(BaseSettings):
    """What is in force. Each section belongs to one part; `kafka` and `clickhouse` are shared by all of them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    kafka: KafkaConnection = KafkaConnection()
    clickhouse: ClickHouseConnection = ClickHouseConnection()
    collector: CollectorSettings = CollectorSettings()
    publisher: PublisherSettings = PublisherSettings()
    identifiers: IdentifierSettings = IdentifierSettings()
    sources: tuple[SourceSettings, ...] = Field(
        default=(), description="what imports, `try` and `quarantine replay` take a source's events to mean"
    )
    worker: WorkerSection = WorkerSection()
    sink: SinkSettings = SinkSettings()
    database: DatabaseSettings = DatabaseSettings()
    catalogue: Path | None = Field(default=None, description="Catalogue file; the one that ships where not given")
    partitions: int = Field(default=4, ge=1, le=1000, description="Partitions of each topic when it is created")
    replication_factor: int = Field(default=1, ge=1, le=10, description="Copies of each topic when it is created")
    data_dir: Path = Field(default=Path(".touchpath"), description="Where the local stack keeps its files")

    @model_validator(mode="after")
    def _every_source_is_another(self) -> Self:
        names = [source.source for source in self.sources]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"sources: {twice[0]!r} is there twice")
        return self

    @model_validator(mode="after")
    def _every_part_writes_identifiers_alike(self) -> Self:
        if self.collector.identifiers not in (IdentifierSettings(), self.identifiers):
            raise ValueError("collector.identifiers: is set once for all parts, by the section identifiers")
        # The collector is told its own section only. Without the key it would let clear values through.
        self.__dict__["collector"] = self.collector.model_copy(update={"identifiers": self.identifiers})
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 the signature is given
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` has merged and nothing else: it reads the sources itself, to know each value's origin."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force and the origin of each that is not a default, by its dotted name."""

    settings: Settings
    origins: Mapping[str, str]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Give (dotted name, value with secrets masked, origin) of every setting, in the order of declaration."""
        for name, value in flatten(self.settings.model_dump()):
            yield name, shown(value), self.origin(name)

    def origin(self, name: str) -> str:
        """Say where the setting's value comes from."""
        return _origin_of(name, self.origins) or "default"


def load(
    config: Path | None = None,
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read all sources and check them.

    `options` are the command line's, by dotted name; those that are None were not given. `config` is the TOML file;
    without it `TOUCHPATH_CONFIG` names one, else `./touchpath.toml` is read if it is there.

    Raises:
        SettingsError: a source cannot be read, or a value cannot be used.
    """
    environ = os.environ if environ is None else environ
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    path = _file(config, environ)
    if path is not None:
        _merge(merged, origins, _read_file(path), lambda _: str(path))
    _merge(merged, origins, _read_environment(environ), _variable_of(environ))
    for name, value in (options or {}).items():
        if value is not None:
            option = "--" + name.replace(".", "-").replace("_", "-")
            _merge(merged, origins, _nested(name, value), lambda _, option=option: f"option {option}")
    try:
        return Loaded(Settings(**merged), origins)
    except ValidationError as error:
        raise SettingsError(_first_error(error, origins)) from error


def flatten(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Give (dotted name, value) of every leaf; an empty mapping is a leaf."""
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{name}.")
        else:
            yield name, value


def shown(value: object) -> str:
    """Write a value for people; secrets are masked, wherever they stand."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(shown(item) for item in value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(inner)}" for key, inner in value.items()) + "}"
    return "" if value is None else str(value)


def _file(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    if config is not None:
        return config
    if named := environ.get("TOUCHPATH_CONFIG"):
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _read_file(path: Path) -> dict[str, Any]:
    """Read TOML, or the JSON that one program writes for another."""
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise SettingsError(f"{path}: is no {kind}: {error}") from error
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: is no table of settings")
    return data


class _Environment(EnvSettingsSource):
    """pydantic-settings' reader of the environment, over a mapping that is an argument."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        # An empty variable is what `docker compose` and CI make of one that nobody set.
        return {name.lower(): value for name, value in self._environ.items() if value}


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in OTHER_VARIABLES:
            field = variable.removeprefix(PREFIX).lower().partition("__")[0]
            if field not in Settings.model_fields:
                raise SettingsError(
                    f"{field}: there is no such setting{_hint(field, Settings.model_fields)} ({variable})"
                )
    try:
        return _Environment(environ)()
    except ValueError as error:  # a section given as JSON that is none
        found = re.search(r'field "(\w+)"', str(error))
        name = found[1] if found else "settings"
        reason = f"a list is written as JSON ({error.__cause__ or error})"
        raise SettingsError(f"{name}: {reason} ({PREFIX}{name.upper()}__…)") from error


def _variable_of(environ: Mapping[str, str]) -> Any:
    by_upper = {variable.upper(): variable for variable in environ}

    def variable(name: str) -> str:
        parts = name.upper().split(".")
        for length in range(len(parts), 0, -1):
            if (found := by_upper.get(PREFIX + "__".join(parts[:length]))) is not None:
                return found
        return "the environment"

    return variable


def _merge(into: dict[str, Any], origins: dict[str, str], tree: Mapping[str, Any], origin: Any) -> None:
    for name, value in flatten(tree):
        *sections, last = name.split(".")
        place = into
        for section in sections:
            inner = place.get(section)
            if not isinstance(inner, dict):
                inner = place[section] = {}
            place = inner
        place[last] = value
        origins[name] = origin(name)


def _nested(name: str, value: object) -> dict[str, Any]:
    tree: Any = value
    for part in reversed(name.split(".")):
        tree = {part: tree}
    return dict(tree)


def _origin_of(name: str, origins: Mapping[str, str]) -> str | None:
    """Give the origin of the setting, of what it stands in, or of the first value inside it."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (found := origins.get(".".join(parts[:length]))) is not None:
            return found
    return next((origin for other, origin in origins.items() if other.startswith(f"{name}.")), None)


def _first_error(error: ValidationError, origins: Mapping[str, str]) -> str:
    details = error.errors(include_url=False)
    first = details[0]
    name = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        reason = f"there is no such setting{_hint(name, dict(flatten(Settings().model_dump())))}"
    elif isinstance(first["input"], (str, int, float)) and "password" not in name and "key" not in name:
        reason = f"{reason}, not {first['input']!r}"
    origin = _origin_of(name, origins)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{name}: {reason}" + (f" ({origin})" if origin else "") + more


def _hint(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
