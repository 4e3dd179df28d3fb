"""Commands on whose an identifier is: look, join, part, block, and see what was kept apart."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.moments import moment
from deploy.cli.options import ConfigOption, JsonOption, PhoneRegionOption, checked_catalogue, settings_of
from deploy.cli.output import chosen, json_out, rows_out, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.identity_states import State
    from deploy.identity_store import IdentityStore
    from deploy.settings import Settings
    from schemas.identifier import Identifier
    from schemas.identity import Action, Command

CONNECT_SECONDS = 10.0

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
    from deploy.cli.identity_text import tell_story
    from deploy.identity_store import UnknownIdentifierError

    settings = settings_of(config)
    identifier = _identifier(settings, key, phone_region)
    with _store(settings) as store:
        try:
            story = store.story(identifier.key)
        except UnknownIdentifierError as error:
            raise _unknown(error) from error
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
    sending = _Sending(reason, by, own_id, new, wait, timeout, as_json)
    _decide("merge", settings_of(config), sending, [key, other], phone_region)


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
    sending = _Sending(reason, by, own_id, new, wait, timeout, as_json, yes=yes)
    _decide("unmerge", settings_of(config), sending, [key], phone_region)


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
    sending = _Sending(reason, by, own_id, new, wait, timeout, as_json, yes=yes)
    _decide("block", settings_of(config), sending, [key], phone_region)


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

    All that it was ever seen with counts again.

    touchpath identity unblock email:ada@example.org --reason "it was hers after all"
    """
    sending = _Sending(reason, by, own_id, new, wait, timeout, as_json)
    _decide("unblock", settings_of(config), sending, [key], phone_region)


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
    from deploy.cli.identity_text import stop_row
    from deploy.identity_story import stop_json
    from schemas.profile import Guard

    if guard and guard not in get_args(Guard):
        raise CommandError(f"--guard: there is no {guard!r}; there are {', '.join(get_args(Guard))}", Exit.USAGE)
    settings = settings_of(config)
    known = _identifier(settings, identifier, phone_region, "--identifier").key if identifier else ""
    begin = moment(since, "--since", datetime.now(UTC))
    with _store(settings) as store:
        found = store.stops(guard=guard, identifier=known, since=begin, most=limit + 1)
    if as_json:
        json_out([stop_json(one) for one in found[:limit]])
    else:
        rows_out(("last", "first", "guard", "what", "why"), map(stop_row, found[:limit]), chosen(), "Kept apart")
    if not found and chosen(as_json) == "table":
        say("guards have stopped nothing of that")
    if len(found) > limit:
        say(f"touchpath: there is more; --limit {limit} ends it here")


# ---- one decision, from the words to what it has changed


class _Sending:
    """How a decision is sent, and what is printed of it."""

    def __init__(
        self,
        reason: str | None,
        by: str | None,
        own_id: str | None,
        new: bool,
        wait: bool,
        timeout: float,
        as_json: bool,
        *,
        yes: bool = True,
    ) -> None:
        self.reason, self.by, self.own_id = reason, by or _login_name(), own_id
        self.new, self.wait, self.timeout = new, wait, timeout
        self.as_json, self.yes = as_json, yes


def _decide(action: Action, settings: Settings, how: _Sending, keys: list[str], region: str | None) -> None:
    identifiers = [_identifier(settings, key, region) for key in keys]
    command = _command(action, identifiers, how)
    if not how.wait and how.new and how.yes:  # nothing of ClickHouse is needed
        _send(settings, command)
        _tell_sent(command, how)
        return
    with _store(settings) as store:
        before = [_state(store, one.key) for one in identifiers]
        if not (how.own_id and _was_decided(store, command)):
            if not how.new:
                _refuse_unknown(store, before)
            if not how.yes:
                _confirm(store, command, before[0])
            _send(settings, command)
        if not how.wait:
            _tell_sent(command, how)
            return
        behind = _wait(settings, how.timeout)
        after = [_state(store, one.key) for one in identifiers]
        changes = store.caused_by(command.command_id)
        nothing = "" if changes or behind else _why_nothing(store, command, after)
    if how.as_json:
        from deploy.identity_story import change_json

        json_out(
            {
                "command": command.model_dump(mode="json"),
                "done": not behind,
                "before": [one.as_json() for one in before],
                "after": [one.as_json() for one in after],
                "changes": [change_json(one) for one in changes],
            }
        )
    else:
        from deploy.cli.identity_text import tell_outcome

        tell_outcome(command, before, after, changes, chosen())
    if behind:
        raise CommandError(
            f"the decision {command.command_id} is on Kafka, but not through yet: {behind}; "
            f"later `touchpath identity show {command.to}` shows what came of it",
            Exit.NOT_READY,
        )
    if nothing and not how.as_json:
        say(nothing)


def _was_decided(store: IdentityStore, command: Command) -> bool:
    """Was it sent before, under the same id? Then it is not sent again: something else may have been decided since."""
    known = store.decided(command.command_id)
    if known is None:
        return False
    if (known.action, known.identifier, known.other) != (command.action, command.to, command.other):
        what = f"{known.action} {known.identifier}" + (f" {known.other}" if known.other else "")
        raise CommandError(f"--id: another decision had it: {what}", Exit.USAGE)
    say(f"this was decided before, by {known.requested_by} at {known.requested_at:%Y-%m-%d %H:%M:%S}; not sent again")
    return True


def _why_nothing(store: IdentityStore, command: Command, after: list[State]) -> str:
    """Say what to think of a decision that has changed nothing."""
    if command.action != "merge":
        return f"no event moves by this now; from now on it holds: {command.to} {_HOLDS[command.action]}"
    if len({one.profile_id for one in after}) == 1:
        return "they are in one profile already; from now on a person has said so, too"
    why = [f"{one.identifier} is blocked {blocked}" for one in after if (blocked := store.blocked(one.identifier))]
    what = " and ".join(why) or "the way from one to the other is too long, or a later decision has parted them"
    return f"they are still apart: {what}; `touchpath identity show {command.to}` says more"


_HOLDS = {"unmerge": "stands for itself", "block": "joins nobody", "unblock": "may join others"}


def _confirm(store: IdentityStore, command: Command, state: State) -> None:
    for line in _consequences(store, command, state):
        say(line)
    if not _is_asked():
        raise CommandError(f"{command.action} wants a yes, and nobody is there to ask: add --yes", Exit.USAGE)
    if not typer.confirm(f"{command.action} {command.to}?", default=False, err=True):
        raise CommandError("nothing was done")


def _consequences(store: IdentityStore, command: Command, state: State) -> Iterator[str]:
    """Say what will move, as far as can be told before."""
    from deploy.cli.identity_text import at, counted, state_text
    from deploy.identity_states import living_merges

    if not state.named_by:
        yield f"nothing is known of {command.to} yet; from now on it {_HOLDS[command.action]}"
        return
    yield f"{state.identifier} is in the profile of {state.named_by}: {state_text(state)}"
    weight = store.weight(state.identifier)
    own = f"{counted({'touchpoints': weight.touchpoints})} ({counted({'conversions': weight.conversions})})"
    if state.named_by == state.identifier and state.others:
        others = f"{state.others} other identifier{'' if state.others == 1 else 's'}"
        if command.action == "block":
            yield f"it names the profile: its own {own} stay, and the {others} in it leave for profiles of their own"
        else:
            yield f"it names the profile: its own {own} stay, and the {others} in it as far as events join them to it"
    elif state.named_by == state.identifier:
        yield f"it is alone there with its own {own}, and will stay so"
    else:
        rest = "so does what" if command.action == "unmerge" else "it loses what"
        yield f"its own {own} go to a profile of its own, and {rest} is in this profile only through it"
    if command.action == "unmerge":
        for one in living_merges(state.identifier, store.decisions(state.identifier)):
            other = one.other if one.identifier == state.identifier else one.identifier
            yield f"its merge with {other} ends ({one.requested_by}, {at(one.requested_at)})"


def _is_asked() -> bool:
    """Is somebody there to answer?"""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _refuse_unknown(store: IdentityStore, states: list[State]) -> None:
    from deploy.identity_store import UnknownIdentifierError

    for state in states:
        if not state.named_by:
            stopped = store.stops(identifier=state.identifier, most=1)
            error = UnknownIdentifierError(state.identifier, store.near(state.identifier), stopped)
            raise _unknown(error, "; if no event has had it yet, add --new")


def _state(store: IdentityStore, key: str) -> State:
    from deploy.identity_states import State

    home = store.home(key)
    if home is None:
        return State(key)
    return State(key, home.profile_id, home.named_by, store.figures(home.profile_id))


def _command(action: Action, identifiers: list[Identifier], how: _Sending) -> Command:
    from uuid import uuid4

    from pydantic import ValidationError

    from producers.identity_commands import NoCommandError, command_of
    from schemas.base import event_id
    from schemas.quarantine import reason_of

    try:
        return command_of(
            action,
            identifiers[0],
            identifiers[1] if len(identifiers) > 1 else None,
            command_id=event_id(f"identity:{how.by}", how.own_id) if how.own_id else uuid4(),
            requested_at=datetime.now(UTC),
            requested_by=how.by,
            reason=how.reason,
        )
    except NoCommandError as error:
        raise CommandError(f"{error.field.upper()}: {error}", Exit.USAGE) from error
    except ValidationError as error:
        reason = reason_of(error).removeprefix("$.").replace("requested_by", "by")
        raise CommandError(f"--{reason}", Exit.USAGE) from error


def _send(settings: Settings, command: Command) -> None:
    import logging

    from deploy.identity_decide import NotWrittenError, send
    from producers.publisher import Publisher

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # we say it once, in our words
    with Publisher(settings.kafka, settings.publisher, client_id="touchpath-identity") as publisher:
        if not publisher.wait_connected(CONNECT_SECONDS):
            raise CommandError(f"no Kafka broker answers at {settings.kafka.bootstrap_servers}", Exit.NOT_READY)
        try:
            send(publisher, command, settings.publisher.delivery_timeout + CONNECT_SECONDS)
        except NotWrittenError as error:
            raise CommandError(
                f"Kafka has not acknowledged the decision: {error}; send it again with --id {command.command_id}",
                Exit.NOT_READY,
            ) from error


def _wait(settings: Settings, timeout: float) -> str:
    """Wait until the decision is through; say who is behind where it is not."""
    import asyncio
    import logging

    from deploy.identity_decide import wait_through
    from streams.worker.clients import KafkaError

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(wait_through(settings, timeout)).behind
    except (KafkaError, OSError) as error:
        return f"no Kafka at {settings.kafka.bootstrap_servers}: {error}"


def _tell_sent(command: Command, how: _Sending) -> None:
    if how.as_json:
        json_out({"command": command.model_dump(mode="json"), "done": False})
    else:
        typer.echo(f"{command.action} {command.to} is on Kafka as {command.command_id}")


def _identifier(settings: Settings, text: str, region: str | None, what: str = "KEY") -> Identifier:
    from producers.identity_text import identifier_of

    try:
        return identifier_of(text, settings.identifiers.rules(), region)
    except ValueError as error:
        raise CommandError(f"{what}: {error}", Exit.USAGE) from error


def _unknown(error: LookupError, more: str = "") -> CommandError:
    return CommandError(f"{error.args[0]}{more}")


def _login_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "unknown"


@contextmanager
def _store(settings: Settings) -> Iterator[IdentityStore]:
    from deploy.identity_store import IdentityStore
    from sinks.client import Store, StoreError, StoreUnreachableError

    rules = checked_catalogue(settings).identity
    store = Store(settings.clickhouse, retries=())
    try:
        yield IdentityStore(store, rules)
    except StoreUnreachableError as error:
        raise CommandError(str(error), Exit.NOT_READY) from error
    except StoreError as error:
        raise CommandError(f"{error} (has `touchpath migrate` been run?)") from error
    finally:
        store.close()
