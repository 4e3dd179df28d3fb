"""When a part that died is started again. Pure: the time is an argument, in seconds of any steady clock."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The pause doubles with each death in a row, from `first` to `longest` seconds.

    A part that ran for `healthy_after` seconds has proven itself: its next death counts as the first again.
    """

    first: float = 0.5
    longest: float = 30.0
    healthy_after: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a policy that could not be meant."""
        if not 0 < self.first <= self.longest:
            raise ValueError("the first pause must be positive and not longer than the longest")


@dataclass(frozen=True, slots=True)
class Deaths:
    """What is remembered of a part: how often it died in a row, and when it was last started."""

    in_a_row: int = 0
    started_at: float = 0.0

    def started(self, now: float) -> Deaths:
        """Remember a start."""
        return replace(self, started_at=now)


def died(policy: RestartPolicy, deaths: Deaths, now: float) -> tuple[Deaths, float]:
    """Count a death at `now`; give what to remember, and the seconds to wait before the next start."""
    in_a_row = 1 if now - deaths.started_at >= policy.healthy_after else deaths.in_a_row + 1
    # Bounded before it is raised to a power: a part may die for weeks.
    pause = min(policy.longest, policy.first * 2 ** min(in_a_row - 1, 32))
    return Deaths(in_a_row, deaths.started_at), pause
