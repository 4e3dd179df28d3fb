"""What a decision will take along, said before it is made, and the question whether it is meant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.identity_text import at, counted, state_text
from deploy.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.identity_states import State
    from deploy.identity_store import IdentityStore
    from schemas.identity import Command

HOLDS = {"unmerge": "stands for itself", "block": "joins nobody", "unblock": "may join others"}


def confirm(store: IdentityStore, command: Command, state: State) -> None:
    """Say what will move and ask; a no, or nobody to ask, ends the command."""
    for line in consequences(store, command, state):
        say(line)
    if not _is_asked():
        raise CommandError(f"{command.action} wants a yes, and nobody is there to ask: add --yes", Exit.USAGE)
    if not typer.confirm(f"{command.action} {command.to}?", default=False, err=True):
        raise CommandError("nothing was done")


def consequences(store: IdentityStore, command: Command, state: State) -> Iterator[str]:
    """Say what will move, as far as can be told before."""
    from deploy.identity_states import living_merges

    if not state.named_by:
        yield f"nothing is known of {command.to} yet; from now on it {HOLDS[command.action]}"
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
