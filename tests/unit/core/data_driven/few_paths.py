"""A few paths to learn from, and a touch to apply what was learned to."""

from streams.core.attribution.data_driven.paths import from_sequences
from streams.core.touch import Touch

PATHS = from_sequences(
    [
        (("email",), 40, 160, 4000),
        (("email", "web"), 60, 40, 9000),
        (("web", "print"), 0, 100, 0),
        (("print", "email"), 1, 99, 50),
        ((), 5, 0, 100),
    ]
)


def touch(channel: str, campaign: str | None = None, name: str = "page_view") -> Touch:
    return Touch(0, bytes(16), name, channel, campaign, 0)
