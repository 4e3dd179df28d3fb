"""`/v1/identity/…`: whose an identifier is, and a person's decisions on it. 202 says that Kafka has the decision.

What becomes of a decision is seen a moment later: in the GET of the identifier, and in the log of profiles.
"""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from producers.collector.answers import CommandTaken
from producers.collector.door import AdminDoor, Called, json_answer
from producers.collector.refusal import Refusal
from producers.identity_commands import ACTIONS, NoCommandError, command_of, record_of_command
from producers.identity_text import identifier_of
from producers.publisher import PublishFailed
from schemas.base import ShortText, event_id
from schemas.identifier import Identifier
from schemas.identity import Action, Command
from schemas.quarantine import reason_of

#: As https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ has it; with or without its quotes.
HEADER = "Idempotency-Key"
LONGEST_ID = 500
_HOW = "kind:value, such as email:ada@example.org, phone:+493012345 or customer:4711"


class Decision(BaseModel):
    """What a decision says, besides what is to be done."""

    model_config = ConfigDict(extra="forbid")

    identifier: ShortText = Field(description=_HOW)
    reason: ShortText | None = Field(default=None, description="why; kept beside the decision")
    id: ShortText | None = Field(
        default=None,
        description=f"the decision's own id, so that sending it again changes nothing; as the header {HEADER}",
    )


class Merge(Decision):
    """Two identifiers of one person."""

    other: ShortText = Field(description=f"the other one: {_HOW}")


_MODELS: dict[Action, type[Decision]] = {action: Merge if action == "merge" else Decision for action in ACTIONS}
_ABOUT: dict[Action, str] = {
    "merge": "Two identifiers are one person: they share a profile from now on, with all that they ever did",
    "unmerge": "An identifier stands for itself from now on; what it was merged with is let go",
    "block": "An identifier joins nobody: it is a shop's, an agent's, a test's",
    "unblock": "A blocked identifier, or one over its cap, joins others again",
}


def read_identifier(called: Called, field: str, text: str) -> Identifier:
    """Give an identifier as the doors for events pass it on.

    Raises:
        Refusal: 400, it is none; the message is a path.
    """
    try:
        return identifier_of(text, called.services.settings.identifiers.rules())
    except ValueError as error:
        raise _bad(f"$.{field}: {error}") from None


def read_decision(called: Called, action: Action) -> Command:
    """Give the command that a request means.

    Raises:
        Refusal: 400, it means none; the message is a path.
    """
    try:
        parsed = orjson.loads(called.body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "bad_body", f"$: no JSON: {error}") from None
    try:
        said = _MODELS[action].model_validate(parsed)
    except ValidationError as error:
        raise _bad(reason_of(error)) from None
    other = read_identifier(called, "other", said.other) if isinstance(said, Merge) else None
    try:
        return command_of(
            action,
            read_identifier(called, "identifier", said.identifier),
            other,
            command_id=_id_of(called, said),
            requested_at=called.received_at,
            requested_by=called.key.name,
            reason=said.reason,
        )
    except NoCommandError as error:
        raise _bad(f"$.{error.field}: {error}") from None


async def decide(called: Called, action: Action) -> Response:
    """Take a decision: answer 202 once Kafka has it."""
    command = read_decision(called, action)
    known = called.services.commands.known(command.command_id)
    if known is not None:
        if (known.action, known.to, known.other) != (command.action, command.to, command.other):
            raise Refusal(409, "conflict", "$.id: another decision had this id")
        return _taken(known, "duplicate")
    await _publish(called, command)
    called.services.commands.remember(command)
    return _taken(command, "accepted")


async def look_up(called: Called) -> Response:
    """Say whose an identifier is."""
    lookup = called.services.lookup
    if lookup is None:
        raise Refusal(503, "unavailable", "this collector was started without a way to ask ClickHouse")
    identifier = read_identifier(called, "identifier", called.request.path_params["identifier"])
    try:
        return json_answer(200, await asyncio.to_thread(lookup, identifier.key))
    except LookupError as error:
        raise Refusal(404, "not_found", str(error.args[0] if error.args else "nothing is known of it")) from None
    except OSError as error:
        raise Refusal(503, "unavailable", str(error)) from None


async def _publish(called: Called, command: Command) -> None:
    services = called.services
    try:
        published = asyncio.wrap_future(services.publisher.publish([record_of_command(command)]))
        await asyncio.wait_for(published, services.settings.publish_timeout)
    except (PublishFailed, TimeoutError) as error:
        services.metrics.publish_errors.inc()
        raise Refusal(503, "unavailable", "Kafka does not take the decision at the moment; send it again") from error


def _id_of(called: Called, said: Decision) -> UUID:
    header = called.request.headers.get(HEADER, "").strip().strip('"')
    if len(header) > LONGEST_ID:
        raise _bad(f"$.id: the header {HEADER} has more than {LONGEST_ID} characters")
    if header and said.id and header != said.id:
        raise _bad(f"$.id: the header {HEADER} says another one")
    own = header or said.id
    return event_id(f"identity:{called.key.name}", own) if own else uuid4()


def _taken(command: Command, status: str) -> Response:
    answer: dict[str, Any] = {
        "status": status,
        "command_id": str(command.command_id),
        "action": command.action,
        "identifier": command.to,
        "other": command.other,
    }
    return json_answer(202, answer)


def _bad(reason: str) -> Refusal:
    return Refusal(400, "bad_request", reason)


def _door(action: Action) -> AdminDoor:
    async def answer(called: Called) -> Response:
        return await decide(called, action)

    example = {"identifier": "email:ada@example.org", "reason": "she called"}
    if action == "merge":
        example["other"] = "customer:ada"
    return AdminDoor(
        name=f"identity_{action}",
        paths=(f"/v1/identity/{action}",),
        about=_ABOUT[action],
        answer=answer,
        headers={HEADER: "the decision's own id: sent again with the same one, it changes nothing"},
        body=_MODELS[action].model_json_schema(),
        example=orjson.dumps(example).decode(),
        done=(202, CommandTaken, "Kafka has the decision; it shows a moment later."),
        refusals={409: "The id was another decision's."},
    )


ADMIN_DOORS: tuple[AdminDoor, ...] = (
    *(_door(action) for action in ACTIONS),
    AdminDoor(
        name="identity_show",
        paths=("/v1/identity/{identifier:path}",),
        about="Whose an identifier is: its profile, what joined it, its history, and what guards stopped",
        answer=look_up,
        methods=("GET",),
        parameters={"identifier": {"type": "string", "description": _HOW}},
        example_path="/v1/identity/email:ada@example.org",
        refusals={404: "Nothing is known of it."},
    ),
)
