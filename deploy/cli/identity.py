"""Commands on whose an identifier is: look, join, part, block, and see what was kept apart."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, get_args

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.identity_decision import Sending, decide
from deploy.cli.identity_shared import identifier_typed, identity_store
from deploy.cli.identity_text import stop_row, tell_story
from deploy.cli.moments import moment
from deploy.cli.options import ConfigOption, JsonOption, PhoneRegionOption, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The identifier: email:ada@example.org")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why; kept beside the decision, as you write it.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who decides; your login name by default.")]
IdOption = Annotated[
    str | None, typer.Option("--id", help="The decision's own id: sent again with the same one, it changes nothing.")
]
NewOption = Annotated[bool, typer.Option("--new", help="Also where no event has had the identifier yet.")]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done, and show what has changed.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def show(
    key: KeyArgument,
    phone_region: PhoneRegionOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show whose an identifier is: its profile, all identifiers of it, why, and what was kept from joining.

    An identifier is written kind:value, as the doors write it: e-mail addresses in any case, telephone numbers with
    their country or --phone-region. What several customers share is shown with who had it when.

      touchpath identity show email:ada@example.org
      touchpath identity show "phone:030 1234567" --phone-region DE
      touchpath identity show customer:4711 --json
    """
    from deploy.identity_store import UnknownIdentifierError

    settings = settings_of(config)
    identifier = identifier_typed(settings, key, phone_region)
    with identity_store(settings) as store:
        try:
            story = store.story(identifier.key)
        except UnknownIdentifierError as error:
            raise CommandError(str(error)) from error
    if as_json:
        json_out(story.as_json())
    else:
        tell_story(story, chosen())


def merge(
    key: KeyArgument,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another identifier of the same person.")],
    reason: ReasonOption = None,
    by: ByOption = None,
    own_id: IdOption = None,
    new: NewOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = 30,
    phone_region: PhoneRegionOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say that two identifiers are one person: their profiles become one, with all that they ever did.

    Journeys, conversions and credits follow. `unmerge` takes it back.

      touchpath identity merge email:ada@example.org customer:4711 --reason "she called"
      touchpath identity merge loyalty:9001 customer:4711 --no-wait --id ticket-7
    """
    sending = Sending(reason, by, own_id, new, wait, timeout, as_json)
    decide("merge", settings_of(config), sending, [key, other], phone_region)


def unmerge(
    key: KeyArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    own_id: IdOption = None,
    new: NewOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = 30,
    yes: YesOption = False,
    phone_region: PhoneRegionOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say that an identifier stands for itself: it gets its own profile, and its touchpoints go there.

    Whatever it was merged with is let go. Later events do not join it again; only `merge` does.

      touchpath identity unmerge email:office@example.org --reason "two people read it"
      touchpath identity unmerge phone:+493012345 --yes --json
    """
    sending = Sending(reason, by, own_id, new, wait, timeout, as_json, yes=yes)
    decide("unmerge", settings_of(config), sending, [key], phone_region)


def block(
    key: KeyArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    own_id: IdOption = None,
    new: NewOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = 30,
    yes: YesOption = False,
    phone_region: PhoneRegionOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Let an identifier join nobody: it is a shop's telephone, an agent's address, a test.

    Whoever was joined only through it is apart again. `unblock` takes it back.

      touchpath identity block email:service@shop.example --reason "our own address"
      touchpath identity block device:kiosk-7 --new --yes
    """
    sending = Sending(reason, by, own_id, new, wait, timeout, as_json, yes=yes)
    decide("block", settings_of(config), sending, [key], phone_region)


def unblock(
    key: KeyArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    own_id: IdOption = None,
    new: NewOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = 30,
    phone_region: PhoneRegionOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Let a blocked identifier join others again, also one that its cap or the catalogue's list has blocked.

    What it was seen with counts again; what came beyond its cap was not remembered, and counts from now on.

      touchpath identity unblock email:ada@example.org --reason "it was hers after all"
    """
    sending = Sending(reason, by, own_id, new, wait, timeout, as_json)
    decide("unblock", settings_of(config), sending, [key], phone_region)


def stopped(
    guard: Annotated[
        str, typer.Option("--guard", help="By this one: block_list, blocked, cap, unverified_cap, unique, decided.")
    ] = "",
    identifier: Annotated[str, typer.Option("--identifier", metavar="KEY", help="On either side.")] = "",
    since: Annotated[str | None, typer.Option("--since", help="Since: 2026-03-01, or 2h, 3d ago.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many.")] = 100,
    phone_region: PhoneRegionOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List what guards have kept apart, the latest first.

    block_list: on the catalogue's list; blocked: by a person; cap: seen with more others than one person has;
    unverified_cap: the same, by public keys; unique: two of a kind of which one person has one; decided: a person has
    parted them.

      touchpath identity stopped --since 1d
      touchpath identity stopped --guard unique --identifier customer:4711 --json
    """
    from deploy.identity_story import stop_json
    from schemas.profile import Guard

    if guard and guard not in get_args(Guard):
        raise CommandError(f"--guard: there is no {guard!r}; there are {', '.join(get_args(Guard))}", Exit.USAGE)
    settings = settings_of(config)
    known = identifier_typed(settings, identifier, phone_region, "--identifier").key if identifier else ""
    begin = moment(since, "--since", datetime.now(UTC))
    with identity_store(settings) as store:
        found = store.stops(guard=guard, identifier=known, since=begin, most=limit + 1)
    if as_json:
        json_out([stop_json(one) for one in found[:limit]])
    else:
        rows_out(("last", "first", "guard", "what", "why"), map(stop_row, found[:limit]), chosen(), "Kept apart")
    if not found and chosen(as_json) == "table":
        say("guards have stopped nothing of that")
    if len(found) > limit:
        say(f"touchpath: there is more; --limit {limit} ends it here")
