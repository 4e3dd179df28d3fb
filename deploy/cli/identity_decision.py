"""A decision of `touchpath identity`, from the words to what it has changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.identity_shared import identifier_typed, identity_store
from deploy.cli.identity_warning import HOLDS, confirm
from deploy.cli.output import chosen, json_out, say

if TYPE_CHECKING:
    from deploy.identity_states import State
    from deploy.identity_store import IdentityStore
    from deploy.settings import Settings
    from schemas.identifier import Identifier
    from schemas.identity import Action, Command

CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sending:
    """How a decision is sent, and what is printed of it. `by` None: the login name; `yes`: nobody is asked."""

    reason: str | None
    by: str | None
    own_id: str | None
    new: bool
    wait: bool
    timeout: float
    as_json: bool
    yes: bool = True


def decide(action: Action, settings: Settings, how: Sending, keys: list[str], region: str | None) -> None:
    """Make a decision on the identifier that is typed first; print what came of it, or end the command."""
    identifiers = [identifier_typed(settings, key, region) for key in keys]
    command = _command(action, identifiers, how)
    if not how.wait and how.new and how.yes:  # nothing of ClickHouse is needed
        _send(settings, command)
        _tell_sent(command, how)
        return
    with identity_store(settings) as store:
        before = [_state(store, one.key) for one in identifiers]
        if not (how.own_id and _was_decided(store, command)):
            if not how.new:
                _refuse_unknown(store, before)
            if not how.yes:
                confirm(store, command, before[0])
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
        return f"no event moves by this now; from now on it holds: {command.to} {HOLDS[command.action]}"
    if len({one.profile_id for one in after}) == 1:
        return "they are in one profile already; from now on a person has said so, too"
    why = [f"{one.identifier} is blocked {blocked}" for one in after if (blocked := store.blocked(one.identifier))]
    what = " and ".join(why) or "the way from one to the other is too long, or a later decision has parted them"
    return f"they are still apart: {what}; `touchpath identity show {command.to}` says more"


def _refuse_unknown(store: IdentityStore, states: list[State]) -> None:
    from deploy.identity_store import UnknownIdentifierError

    for state in states:
        if not state.named_by:
            stopped = store.stops(identifier=state.identifier, most=1)
            error = UnknownIdentifierError(state.identifier, store.near(state.identifier), stopped)
            raise CommandError(f"{error}; if no event has had it yet, add --new")


def _state(store: IdentityStore, key: str) -> State:
    from deploy.identity_states import State

    home = store.home(key)
    if home is None:
        return State(key)
    return State(key, home.profile_id, home.named_by, store.figures(home.profile_id))


def _command(action: Action, identifiers: list[Identifier], how: Sending) -> Command:
    from uuid import uuid4

    from pydantic import ValidationError

    from producers.identity_commands import NoCommandError, command_of
    from schemas.base import event_id
    from schemas.quarantine import reason_of

    by = _login_name() if how.by is None else how.by
    try:
        return command_of(
            action,
            identifiers[0],
            identifiers[1] if len(identifiers) > 1 else None,
            command_id=event_id(f"identity:{by}", how.own_id) if how.own_id else uuid4(),
            requested_at=datetime.now(UTC),
            requested_by=by,
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
    from deploy.no_broker import away
    from streams.worker.clients import KafkaError

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(wait_through(settings, timeout)).behind
    except (KafkaError, OSError) as error:
        return away(settings.kafka.bootstrap_servers, error)


def _tell_sent(command: Command, how: Sending) -> None:
    if how.as_json:
        json_out({"command": command.model_dump(mode="json"), "done": False})
    else:
        typer.echo(f"{command.action} {command.to} is on Kafka as {command.command_id}")


def _login_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "unknown"
