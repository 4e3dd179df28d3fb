"""Commands that show something: settings, schemas, catalogue, SQL, version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.options import ConfigOption, JsonOption, checked_catalogue, checked_stages, loaded, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say

#: ClickHouse's own clause at the end of a query; the driver writes one itself, and two are a syntax error.
OWN_FORMAT = re.compile(r"\b(FORMAT\s+\w+)\s*;?\s*\Z", re.IGNORECASE)


def config(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show every setting, its value (secrets masked) and where it comes from.

    Nearest first: option, environment, TOML file, default. In the environment `kafka.sasl_username` is
    TOUCHPATH_KAFKA__SASL_USERNAME; lists are JSON.

      TOUCHPATH_PARTITIONS=12 touchpath config
      touchpath config --config production.toml --json
    """
    columns = ("setting", "value", "from")
    rows_out(columns, loaded(config).rows(), chosen(as_json), "Settings in force")


def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    typer.echo(installed("touchpath"))


def schemas(
    topic: Annotated[str | None, typer.Argument(help="One topic; all where none is given.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write one file per topic there.")] = None,
) -> None:
    """Print the JSON Schema of what each topic holds, or write the schemas into a folder.

    touchpath schemas touchpath.collected
    touchpath schemas --out schemas-json/
    """
    from schemas.export import export, json_schema
    from schemas.topics import BY_NAME

    if topic is not None and topic not in BY_NAME:
        raise CommandError(f"there is no topic {topic}; there are {', '.join(BY_NAME)}", Exit.USAGE)
    wanted = [BY_NAME[topic]] if topic is not None else list(BY_NAME.values())
    if out is not None:
        for path in export(out, wanted):
            typer.echo(path)
        return
    documents = {each.name: json_schema(each) for each in wanted}
    json_out(documents[topic] if topic is not None else documents)


def check(
    file: Annotated[Path | None, typer.Argument(help="The file; without it the one of the settings.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say whether a catalogue can be used; if not, the line and the reason.

    touchpath catalogue check my-catalogue.toml
    touchpath catalogue check --json | jq .models
    """
    from schemas.catalogue import DEFAULT

    settings = settings_of(config, catalogue=file)
    path = settings.catalogue or DEFAULT
    try:
        good = checked_catalogue(settings)
        checked_stages(settings, good)
    except CommandError as error:
        if as_json:
            json_out({"file": str(path), "good": False, "reason": str(error)})
        raise
    models = list(good.attribution.models)
    if as_json:
        counts = {"touchpoints": len(good.touchpoints), "conversions": list(good.conversions), "models": models}
        json_out({"file": str(path), "good": True, **counts})
        return
    typer.echo(
        f"{path}: good: {len(good.touchpoints)} touchpoints, {len(good.conversions)} conversions,"
        f" models {', '.join(models)}"
    )


def show(
    as_json: JsonOption = False,
    source: Annotated[bool, typer.Option("--source", help="The file itself, to copy and change.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show the catalogue of the settings: what is started now goes by it.

    touchpath catalogue show
    touchpath catalogue show --source > my-catalogue.toml
    """
    from schemas.catalogue import DEFAULT, CatalogueError, load

    path = settings_of(config).catalogue or DEFAULT
    try:
        good = load(path)
    except CatalogueError as error:
        raise CommandError(str(error), Exit.USAGE) from error
    if source:
        typer.echo(path.read_text(encoding="utf-8"), nl=False)
    elif as_json:
        json_out(good.model_dump(mode="json"))
    else:
        conversion = good.conversion_of
        rows_out(
            ("touchpoint", "label", "phase", "channel", "department", "earns credit", "conversion"),
            [
                (
                    name,
                    entry.label,
                    entry.phase,
                    entry.channel,
                    entry.department,
                    "by its visit" if entry.visit else "yes" if entry.credit else "",
                    conversion.get(name, ""),
                )
                for name, entry in good.touchpoints.items()
            ],
            chosen(),
            f"Catalogue {path}",
        )


def sql(
    query: Annotated[str, typer.Argument(help="What to ask; `-` reads it from standard input.")],
    form: Annotated[
        str | None, typer.Option("--format", help="table, tsv or json; a table on a terminal, TSV elsewhere.")
    ] = None,
    as_json: JsonOption = False,
    port: Annotated[int | None, typer.Option("--clickhouse-port", help="Where ClickHouse listens.")] = None,
    config: ConfigOption = None,
) -> None:
    """Ask ClickHouse; tables are found in Touchpath's own database.

    touchpath sql "SELECT channel, count() FROM touchpoints GROUP BY channel ORDER BY 2 DESC"
    touchpath sql "SHOW TABLES" --format tsv | wc -l
    touchpath sql - --json < report.sql
    """
    import sys

    from deploy.clickhouse import StoreRefusedError, StoreUnreachableError, ask

    if form not in (None, "table", "tsv", "json"):
        raise CommandError(f"--format: {form!r} is none of table, tsv, json", Exit.USAGE)
    settings = settings_of(config, clickhouse__port=port)
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise CommandError("there is no question to ask", Exit.USAGE)
    if wanted := OWN_FORMAT.search(text):
        raise CommandError(
            f"leave {wanted[1]!r} away: how rows are written is said by --format table, tsv or json", Exit.USAGE
        )
    try:
        columns, rows = ask(settings.clickhouse, text)
    except StoreUnreachableError as error:
        raise CommandError(str(error), Exit.NOT_READY) from error
    except StoreRefusedError as error:
        raise CommandError(str(error)) from error
    shape = chosen(as_json, form)
    rows_out(columns, rows, shape)
    if shape == "table":
        say(f"{len(rows)} row{'' if len(rows) == 1 else 's'}")
