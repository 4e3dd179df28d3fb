"""Whose touches may be named: what the decisions of a person make of all touches of the profile.

A function of the set of decisions, never of the order in which they came. The pure judgement lives here; reading the
words is in `conditions`, what a profile makes of a change in `profile` and `moving`.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from streams.core.touch import DECIDES, DECIDES_NO, DECIDES_YES, NO_CONSENT, SAYS_YES, TENANT_SHIFT, Key, Touch

_BEFORE_ALL: Key = -(1 << 62), b""
_BEHIND_ALL: Key = 1 << 62, b""


class Veil(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a person's `no` hides; without any `no` there is none.

    `no` is the place of the newest: all up to it is hidden, for good. `yes` is the place of the first decision for it
    behind that (None: there is none yet): what comes before it is hidden too, unless it says yes itself.
    """

    no: Key
    yes: Key | None = None

    def hides(self, touch: Touch) -> bool:
        """Say whether the decisions hide this touch, whatever it says against it itself."""
        if touch.flags & SAYS_YES:
            return touch.key <= self.no
        return self.yes is None or touch.key < self.yes


class Consents(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a profile knows of decisions beside its events: what they hide, and those whose event was dropped.

    Events are dropped for the bound of a profile; what they decided holds on. False: nothing is known.
    """

    veil: Veil | None = None
    dropped: tuple[Touch, ...] = ()

    def __bool__(self) -> bool:
        return self.veil is not None or bool(self.dropped)


NOTHING = Consents()


class Stretch(NamedTuple):
    """The moments, both in, between which touches are hidden or shown anew. In microseconds."""

    since: int
    until: int

    def concerns(self, conversion: Touch, look_back: int) -> bool:
        """Can one of these moments lie in the conversion's window?"""
        return self.since <= conversion.at and conversion.at - look_back <= self.until


def is_hidden(touch: Touch, veil: Veil | None) -> bool:
    """Say whether a touch has no name on a path."""
    return bool(touch.flags & NO_CONSENT) or (veil is not None and veil.hides(touch))


def veil_of(decisions: Iterable[Touch]) -> Veil | None:
    """Give what these decisions hide; touches that decide nothing are passed over."""
    no: Key | None = None
    allowed: list[Key] = []
    for touch in decisions:
        if touch.flags & DECIDES_NO:
            if no is None or no < touch.key:
                no = touch.key
        elif touch.flags & DECIDES_YES:
            allowed.append(touch.key)
    if no is None:
        return None
    return Veil(no, min((key for key in allowed if no < key), default=None))


def veil_with(veil: Veil | None, decision: Touch, later: Iterable[Touch]) -> Veil | None:
    """Give what is hidden when one more decision comes. `later` are the touches behind it that are known."""
    if decision.flags & DECIDES_YES:
        if veil is None or decision.key < veil.no or (veil.yes is not None and veil.yes <= decision.key):
            return veil
        return Veil(veil.no, decision.key)
    if veil is not None and decision.key <= veil.no:
        return veil
    return veil_of([decision, *later])


def between(old: Veil | None, new: Veil | None) -> Stretch | None:
    """Give where the two hide different touches; None: nowhere."""
    moved = [border for pair in zip(_borders(old), _borders(new), strict=True) if pair[0] != pair[1] for border in pair]
    return Stretch(min(moved)[0], max(moved)[0]) if moved else None


def _borders(veil: Veil | None) -> tuple[Key, Key]:
    """Give up to where touches are hidden that say yes, and those that do not."""
    if veil is None:
        return _BEFORE_ALL, _BEFORE_ALL
    return veil.no, veil.yes if veil.yes is not None else _BEHIND_ALL


def remembered(dropped: Iterable[Touch], decision: Touch) -> tuple[Touch, ...]:
    """Give the decisions to remember of events no longer kept: of each tenant the newest no, and a yes behind it.

    Of several `yes` the newest stays. What lies behind the horizon is judged by these as by all of them.
    """
    known = tuple(dropped)
    others = [touch for touch in known if touch.tenant != decision.tenant]
    own = [touch for touch in known if touch.tenant == decision.tenant and touch.id != decision.id]
    own.append(_bare(decision))
    no = max((touch for touch in own if touch.flags & DECIDES_NO), key=_key, default=None)
    yes = max((touch for touch in own if touch.flags & DECIDES_YES), key=_key, default=None)
    if no is not None:
        others.append(no)
    if yes is not None and (no is None or no.key < yes.key):
        others.append(yes)
    return tuple(others)


def _bare(decision: Touch) -> Touch:
    """Leave of an event what it decides, and whose it is."""
    flags = decision.flags & DECIDES | decision.tenant << TENANT_SHIFT
    return Touch(decision.at, decision.id, decision.name, decision.channel, None, 0, flags)


def _key(touch: Touch) -> Key:
    return touch.key
