"""A user's own model: found as a Python entry point when the worker starts, and never trusted while it runs.

An installed package names it in its `pyproject.toml`:

    [project.entry-points."touchpath.attribution_models"]
    ours = "our_package.attribution:ours"

and the catalogue uses it: `[attribution.models.ours]` with `entry_point = "ours"`. It is a function like those in
`models`: the touches of a path to one whole weight each. It must be pure, and quick: it is asked in the worker, for
each conversion that is new or changed. What it gave is booked and taken back as it was, so one that answers otherwise
about the same path never unbalances the books; a replay of the same events writes other credits then.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

import msgspec

from streams.core.attribution.models import Model, Weigh
from streams.core.touch import NO_CONSENT, OPENS_VISIT, UNVERIFIED, Touch

GROUP = "touchpath.attribution_models"
_MOST_BITS = 256
_KEPT_FLAGS = OPENS_VISIT | NO_CONSENT | UNVERIFIED

Complain = Callable[[str], None]
"""Takes the reason why a model's answer was of no use."""


class UserModelError(Exception):
    """A user's model cannot be loaded. The message says which and why, `entry_point` what it was looked for by."""

    def __init__(self, message: str, entry_point: str) -> None:
        super().__init__(message)
        self.entry_point = entry_point


def load_user_model(name: str) -> Model:
    """Load a model by the name of its entry point.

    Raises:
        UserModelError: there is none of that name, or several, its import fails, or what it names cannot be called.
    """
    found = list(entry_points(group=GROUP, name=name))
    if len(found) != 1:
        known = ", ".join(sorted({point.name for point in entry_points(group=GROUP)})) or "none"
        count = "no" if not found else f"{len(found)} packages have an"
        raise UserModelError(f"{count} entry point {name!r} in the group {GROUP} (installed: {known})", name)
    try:
        model = found[0].load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserModelError(f"entry point {name!r} ({found[0].value}): {reason}", name) from error
    if not callable(model):
        raise UserModelError(f"entry point {name!r} ({found[0].value}) is no function", name)
    return model  # type: ignore[no-any-return] # whatever it gives is looked at, each time


def guarded(model: Model, complain: Complain) -> Weigh:
    """Give the model behind a guard: None, and a complaint, where it raises or its weights are none.

    It gets copies of the touches, without their orders and without the flags that later events can turn: it cannot
    change what the fold knows, and answers the same whenever it is asked.
    """

    def weigh(path: Sequence[Touch]) -> list[int] | None:
        try:
            answer: object = model(
                [msgspec.structs.replace(touch, sale=None, flags=touch.flags & _KEPT_FLAGS) for touch in path]
            )
            reason = _wrong(answer, len(path))
        except (Exception, SystemExit):  # whatever it is, it is the user's, and the conversion goes on
            reason = "raised"
        if reason is None and isinstance(answer, list | tuple):
            return list(answer)
        complain(reason or "no_list")
        return None

    return weigh


def _wrong(weights: object, length: int) -> str | None:
    """Say what is wrong with a model's weights, in a word for the metrics."""
    if not isinstance(weights, list | tuple):
        return "no_list"
    if len(weights) != length:
        return "wrong_length"
    if any(type(weight) is not int for weight in weights):
        return "not_whole"
    if min(weights) < 0:
        return "negative"
    return None if 0 < max(weights).bit_length() <= _MOST_BITS else "all_zero" if not any(weights) else "too_large"
