"""Commands that prepare a cluster: topics and migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.options import CatalogueOption, ConfigOption, JsonOption, checked_catalogue, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.topics import Acl, Plan


def topics(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Create nothing: list topics, settings and ACLs.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Create the topics that are missing; never shrink, grow or remove one.

    A setting of an existing topic that differs is reported and left as it is.

      touchpath topics --dry-run          every topic with its settings, and the ACLs that each part needs
      touchpath topics                    create what is missing
      touchpath topics --dry-run --json   the same for a script
    """
    import asyncio

    from deploy import topic_admin
    from deploy.topics import acls
    from deploy.topics import as_json as report
    from deploy.wiring import changelogs, every_topic, worker_settings

    settings = settings_of(config)
    worker = worker_settings(settings)
    checked_catalogue(settings)
    wanted = every_topic(settings)
    rights = acls(worker.app_id, changelogs(settings))
    try:
        plan = asyncio.run(topic_admin.ensure(worker, wanted, dry_run=dry_run))
    except topic_admin.ClusterUnreachableError as error:
        if not dry_run:
            raise CommandError(str(error), Exit.NOT_READY) from error
        # What would be made can be read without a cluster.
        say(f"touchpath: {error}; what is there already is not known")
        from deploy.topics import plan as compare

        plan = compare(wanted, {})
    except topic_admin.TopicRefusedError as error:
        raise CommandError(str(error)) from error
    if as_json:
        json_out(report(plan, rights, created=not dry_run))
    else:
        _tell(plan, rights, dry_run=dry_run)


def _tell(plan: Plan, rights: Sequence[Acl], *, dry_run: bool) -> None:
    form = chosen()
    missing = {topic.name for topic in plan.create}
    state = "to create" if dry_run else "created"
    rows_out(
        ("topic", "status", "partitions", "replication", "settings", "for"),
        [
            (
                topic.name,
                state if topic.name in missing else "present",
                topic.partitions,
                topic.replication_factor,
                " ".join(f"{name}={value}" for name, value in sorted(topic.config.items())),
                topic.purpose,
            )
            for topic in sorted((*plan.create, *plan.present), key=lambda topic: topic.name)
        ],
        form,
        "Topics",
    )
    if dry_run:
        rows_out(
            ("part", "resource", "name", "pattern", "operations"),
            [(acl.part, acl.resource, acl.name, acl.pattern, " ".join(acl.operations)) for acl in rights],
            form,
            "ACLs: what each part may do, and no more",
        )
        say("touchpath: whoever runs `touchpath attribution fit` needs what fit and settle may do")
    for difference in plan.differences:
        say(
            f"touchpath: {difference.topic}: {difference.setting} is {difference.found}, "
            f"should be {difference.wanted}; left as it is" + (f" ({difference.advice})" if difference.advice else "")
        )


def migrate(catalogue: CatalogueOption = None, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Bring ClickHouse to the newest tables and views; run again, it changes nothing.

    The catalogue's touchpoints are written beside the data, for SQL to join (`catalogue_touchpoints`). Journeys and
    ledger follow the first one from the beginning; a changed one, once `touchpath catalogue apply` has been run.

    touchpath migrate
    TOUCHPATH_CLICKHOUSE__HOST=ch.example.org TOUCHPATH_CLICKHOUSE__SECURE=true touchpath migrate
    """
    from deploy.clickhouse import StoreUnreachableError, land_catalogue, migrate_all
    from deploy.local_catalogue import is_followed
    from sinks.client import StoreError
    from sinks.migrations import MigrationError

    settings = settings_of(config, catalogue=catalogue)
    known = checked_catalogue(settings)
    try:
        applied = migrate_all(settings)
        land_catalogue(settings, known)
        followed = is_followed(settings)
    except StoreUnreachableError as error:
        raise CommandError(str(error), Exit.NOT_READY) from error
    except (StoreError, MigrationError) as error:
        raise CommandError(str(error)) from error
    if not followed:
        say(
            "touchpath: what was said follows another catalogue: `touchpath catalogue diff` says what differs, `apply`"
            " lets it follow, once all workers go by this one"
        )
    if as_json:
        json_out({"applied": applied, "database": settings.clickhouse.database})
    else:
        for name in applied:
            typer.echo(f"applied {name}")
        typer.echo(f"database {settings.clickhouse.database} is up to date")
