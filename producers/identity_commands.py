"""A person's decision on whose an identifier is, as the record that Kafka gets. Pure; the door and the CLI share it.

The record goes to the node of the identifier; where two are joined, that node tells the other.
"""

from datetime import datetime
from typing import get_args
from uuid import UUID

from producers.records import Record, milliseconds
from schemas.identifier import Identifier
from schemas.identity import Action, Command, IdentityMessage
from schemas.topics import IDENTITY

ACTIONS: tuple[Action, ...] = get_args(Action)


class NoCommandError(ValueError):
    """The decision cannot be meant. `field` is what is wrong of it: `identifier` or `other`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def command_of(
    action: Action,
    identifier: Identifier,
    other: Identifier | None,
    *,
    command_id: UUID,
    requested_at: datetime,
    requested_by: str,
    reason: str | None = None,
) -> Command:
    """Give the decision.

    Raises:
        NoCommandError: `merge` without another identifier, or with the same; anything else with another one.
    """
    if action == "merge":
        if other is None:
            raise NoCommandError("other", "required, since merge joins two identifiers")
        if other == identifier:
            raise NoCommandError("other", "is the identifier itself")
    elif other is not None:
        raise NoCommandError("other", f"{action} concerns one identifier only")
    return Command(
        to=identifier.key,
        action=action,
        other=other.key if other is not None else None,
        command_id=command_id,
        requested_at=requested_at,
        requested_by=requested_by,
        reason=reason,
    )


def record_of_command(command: Command) -> Record:
    """Give the record: on `touchpath.identity`, for the node that the decision is about."""
    value = IdentityMessage(message=command).model_dump_json(exclude_none=True).encode()
    return Record(IDENTITY.name, command.to.encode(), value, milliseconds(command.requested_at))
