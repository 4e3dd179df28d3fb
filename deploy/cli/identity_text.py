"""How `touchpath identity` prints: one identifier's story, a decision's before and after, and what guards stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from deploy.cli.output import Format, rows_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from deploy.identity_states import State
    from deploy.identity_story import Change, Decision, Stop, Story
    from schemas.identity import Command


def tell_story(story: Story, form: Format) -> None:
    """Print all that is known of an identifier."""
    facts = [
        ("identifier", story.identifier),
        ("profile", f"{story.profile_id}, named by {story.named_by}"),
        ("in it", counted(story.figures)),
    ]
    if story.blocked:
        facts.append(("blocked", f"it joins nobody: {story.blocked}"))
    if story.shared:
        facts.append(("shared", "its events belong to several profiles, by their time: see below"))
    for label, text in facts:
        typer.echo(f"{label:<11} {text}")
    section(
        "Identifiers of the profile",
        ("identifier", "since", "why", "evidence", "shared"),
        [
            (m.identifier, at(m.since), str(m.why), str(m.why.evidence), "yes" if m.shared else "")
            for m in story.members
        ],
        form,
    )
    if story.shared:
        section(
            "Whose its events are",
            ("policy", "from", "until", "profile of"),
            [(s.policy, at(s.since, ""), at(s.until, ""), s.named_by) for s in story.stretches],
            form,
        )
    section("What became of it", ("recorded at", "what", "why"), [change_row(one) for one in story.history], form)
    if story.decisions:
        columns = ("requested at", "decision", "by", "reason")
        section("What people decided", columns, [decision_row(one) for one in story.decisions], form)
    if story.stopped:
        columns = ("last", "guard", "what", "why")
        section("What guards stopped", columns, [stop_row(one)[:1] + stop_row(one)[2:] for one in story.stopped], form)


def tell_outcome(
    command: Command, before: Sequence[State], after: Sequence[State], changes: Sequence[Change], form: Format
) -> None:
    """Print what a decision has changed."""
    section(
        f"{command.action}: before and after",
        ("identifier", "when", "profile of", "in it"),
        [
            (state.identifier, when, state.named_by, state_text(state))
            for pair in zip(before, after, strict=True)
            for when, state in zip(("before", "after"), pair, strict=True)
        ],
        form,
    )
    if changes:
        section("What came of it", ("recorded at", "what", "why"), [change_row(one) for one in changes], form)


def section(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], form: Format) -> None:
    """Print one of several tables; where it is TSV, with its title in a line of its own."""
    if form != "table":
        typer.echo(f"\n# {title}")
    rows_out(columns, rows, form, title)


def change_row(one: Change) -> tuple[object, ...]:
    """Give a line of the log as cells."""
    return at(one.recorded_at), one.words, str(one.why)


def stop_row(one: Stop) -> tuple[object, ...]:
    """Give what was stopped as cells: last, first, guard, what, why."""
    return at(one.last_stopped_at), at(one.first_stopped_at), one.guard, one.words, str(one.why)


def decision_row(one: Decision) -> tuple[object, ...]:
    """Give a decision as cells."""
    what = f"{one.action} {one.identifier}" + (f" {one.other}" if one.other else "")
    return at(one.requested_at), what, one.requested_by, one.reason or ""


def state_text(state: State) -> str:
    """Say how much is in the profile that an identifier is in."""
    return counted(state.figures) if state.named_by else ""


def counted(counts: Mapping[str, int]) -> str:
    """Say how much there is: `2 identifiers, 40 touchpoints, 1 journey, 3 conversions`."""
    return ", ".join(f"{count:,} {name.removesuffix('s') if count == 1 else name}" for name, count in counts.items())


def at(moment: datetime | None, without: str = "") -> str:
    """Write a time, in UTC, to the second."""
    return without if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
