"""What a direct visit is: the visitor came to the website or app, and nothing says from where."""

from streams.core.touch import Touch

#: Events of these channels are part of a visit where the catalogue does not know the touchpoint.
VISIT_CHANNELS = frozenset({"web", "app"})


def is_direct(touch: Touch) -> bool:
    """Say whether it is a visit that has the site or app itself as channel, and no campaign."""
    return touch.channel in VISIT_CHANNELS and touch.campaign is None and touch.opens_visit
