"""What the collector answers, as models: for the OpenAPI document, and for the tests that hold the answers to it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.identity import Action, Key

Count = Annotated[int, Field(ge=0)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AcceptedEvent(_Answer):
    """Kafka has it."""

    index: Count
    status: Literal["accepted"]
    event_id: UUID


class DuplicateEvent(_Answer):
    """It was taken before."""

    index: Count
    status: Literal["duplicate"]
    event_id: UUID


class QuarantinedEvent(_Answer):
    """It cannot be taken; its bytes are kept with the reason, a path into what was sent."""

    index: Count
    status: Literal["quarantined"]
    quarantine_id: UUID
    reason: str


class Tally(_Answer):
    """What became of each event of a request. received = accepted + duplicate + quarantined."""

    success: Literal[True]
    received: Count
    accepted: Count
    duplicate: Count
    quarantined: Count
    events: list[Annotated[AcceptedEvent | DuplicateEvent | QuarantinedEvent, Field(discriminator="status")]]


class CommandTaken(_Answer):
    """Kafka has the decision; `duplicate`: it had it before. `identifier` and `other` as they are kept."""

    status: Literal["accepted", "duplicate"]
    command_id: UUID
    action: Action
    identifier: Key
    other: Key | None


class Refused(_Answer):
    """The request was not taken. `code` is for programs, `message` for people."""

    code: str = Field(pattern="^[a-z_]+$")
    message: str = Field(min_length=1)
