"""Reasons of quarantine, put into few classes, so that they can be counted: the path without its numbers. Pure."""

import re

MOST = 30
LONGEST = 80
OTHER = "other"

_NUMBERS = re.compile(r"\[\d+\]")
_NAME = re.compile(r"^\$[\w.\[\]-]*$")


def class_of(reason: str) -> str:
    """Give the class: `$.batch[3].properties.revenue: not a number` is `$.batch[].properties.revenue`."""
    path = _NUMBERS.sub("[]", reason.partition(":")[0].strip())
    return path if len(path) <= LONGEST and _NAME.match(path) else OTHER


class Classes:
    """The first `MOST` classes of each source have their own name, all later ones are `other`: a bound on labels."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: dict[str, set[str]] = {}

    def name(self, source: str, reason: str) -> str:
        """Give the label of a reason."""
        found, known = class_of(reason), self._known.setdefault(source, set())
        if found not in known:
            if len(known) >= self._most:
                return OTHER
            known.add(found)
        return found
