"""The commands by name, and what becomes of an error."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any

import typer
import typer.core

from deploy.cli import (
    admin,
    attribution,
    attribution_explain,
    attribution_models,
    attribution_report,
    attribution_restate,
    catalogue,
    data,
    doors,
    follow,
    identity,
    identity_compare,
    imports,
    look,
    parts,
    profile,
    quarantine,
    watching,
)
from deploy.cli.exits import EXPLAINED, CommandError, Exit

CODES = "\n".join(f"      {code.value}  {meaning}" for code, meaning in EXPLAINED.items())
HELP = """Follow a customer's journey across web, e-mail, hotline and store.

    [bold]First steps[/bold]

      touchpath demo     a retail year end to end, result as tables
      touchpath up       the whole stack on this machine, until Ctrl-C
      touchpath sql "SELECT count() FROM touchpoints"

    [bold]In production[/bold] each part is a process of its own

      touchpath topics && touchpath migrate
      touchpath collector | worker | sink

    [bold]Settings[/bold] come from options, TOUCHPATH_* variables and a TOML file

      touchpath config   what is in force, and where it comes from

    [bold]Exit codes[/bold] of every command

"""

# Typer's rich help takes a third of a second to import; where nobody sees its colours it is left out.
RICH = sys.stdout.isatty()


#: Where a line begins that is an example. Where there is nothing but a sentence and examples, the formatter has moved
#: them to the left.
EXAMPLE = re.compile(r"^(?=(?:TOUCHPATH_\w+=\S+ )*touchpath )", re.MULTILINE)


def taught(text: str) -> str:
    """Give help text whose examples are indented and keep their lines, with or without rich."""
    text = EXAMPLE.sub("  ", text)
    if RICH:
        return text
    plain = re.sub(r"\[/?bold\]", "", text)
    # Click joins the lines of a paragraph unless it begins with a backspace.
    return "\n\n".join(f"\b\n{part}" if part.startswith(" ") else part for part in plain.split("\n\n"))


app = typer.Typer(
    name="touchpath",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if RICH else None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=taught(inspect.cleandoc(HELP) + "\n\n" + CODES),
)

ANY_ADAPTER = "ADAPTER"
"""How the help calls the command that imports files of the adapter of that name."""

COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Run": (parts.up, parts.demo, parts.collector, parts.worker, parts.sink),
    "Bring data in": (watching.watch, data.settle),
    "Look": (look.sql, profile.profile, follow.tail, doors.adapters, doors.try_, look.version),
    "Prepare": (admin.topics, admin.migrate, look.config, look.schemas),
}
GROUPS = {
    "import": (
        "Bring data in",
        "Bring history in: files of any adapter (touchpath import ADAPTER FILE...), topics, costs.",
        (imports.files, data.store, imports.topic, imports.costs),
    ),
    "quarantine": (
        "Look",
        "What was not taken, and why; replay it once its cause is gone.",
        (quarantine.list_, quarantine.show, quarantine.replay),
    ),
    "identity": (
        "Look",
        "Whose an identifier is: show it, merge and part, block, see what was kept apart.",
        (
            identity.show,
            identity.merge,
            identity.unmerge,
            identity.block,
            identity.unblock,
            identity.stopped,
            identity_compare.compare,
        ),
    ),
    "attribution": (
        "Look",
        "What earned the conversions: lay models side by side, explain one, learn models, put fits in force and out.",
        (
            attribution_report.report,
            attribution_explain.explain,
            attribution.fit,
            attribution_models.fits,
            attribution_models.publish,
            attribution_models.withdraw,
            attribution_restate.restate,
        ),
    ),
    "catalogue": (
        "Prepare",
        "The touchpoint catalogue: check a file, show it, say what differs, let all that was said follow it.",
        (look.check, look.show, catalogue.diff, catalogue.apply),
    ),
}


def first_sentence(function: Callable[..., None]) -> str:
    """Give what stands in the list of commands."""
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


def name_of(function: Callable[..., None]) -> str:
    """Give a command's name: its function's, less the underscore that keeps it from a word of Python's (`try_`)."""
    return ANY_ADAPTER if function is imports.files else function.__name__.rstrip("_")


def add(to: typer.Typer, function: Callable[..., None], panel: str | None = None) -> None:
    """Add a command: its docstring is its help."""
    text = taught(inspect.getdoc(function) or "")
    to.command(name_of(function), help=text, short_help=first_sentence(function), rich_help_panel=panel)(function)


class WithAdapters(typer.core.TyperGroup):
    """The group `import`: what is none of its commands is an adapter's name, and the first word of `ADAPTER`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Give the command that the words mean, and what is left of them."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            return super().resolve_command(ctx, [ANY_ADAPTER, *args])
        return super().resolve_command(ctx, args)


for panel, functions in COMMANDS.items():
    for function in functions:
        add(app, function, panel)
for name, (panel, about, functions) in GROUPS.items():
    group = typer.Typer(
        no_args_is_help=True,
        help=about,
        rich_markup_mode="rich" if RICH else None,
        cls=WithAdapters if name == "import" else None,
    )
    # A callback keeps `import store` a group of one command instead of folding it into `import`.
    group.callback()(lambda: None)
    for function in functions:
        add(group, function)
    app.add_typer(group, name=name, rich_help_panel=panel)


def run() -> None:
    """Run the command line and exit with the code that `Exit` explains."""
    try:
        app()
    except CommandError as error:
        _end(str(error), error.code)
    except KeyboardInterrupt:
        _end("stopped", Exit.FAILED)
    except BrokenPipeError:
        # `touchpath sql … | head` is no failure; standard output is gone, so leave nothing to flush.
        sys.stderr.close()
        sys.exit(Exit.DONE)


def _end(message: str, code: Exit) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"touchpath: {message}\n")
    sys.exit(code)
