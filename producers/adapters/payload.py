"""Reading a sender's JSON: what is there, of the right kind, or a `Problem` with the path into that JSON.

`null`, `""`, blanks and words such as `undefined` count as missing: senders write them when they have no value.
Unknown fields are never looked at.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from producers.adapters.problem import Problem
from schemas.identifier import BLANKS, is_blank

TEXT_LIMIT = 4096
SHORT_LIMIT = 500
LONGEST_BLANK = max(map(len, BLANKS))


@dataclass(slots=True)  # not frozen: making a frozen one costs three times as much, and an event makes a dozen
class Node:
    """A JSON object of the payload and the path to it. Nobody changes it."""

    values: Mapping[str, Any]
    path: str

    def at(self, name: str) -> str:
        """Give the path of a field: `$.properties.revenue`."""
        return f"{self.path}.{name}"

    def child(self, name: str) -> "Node":
        """Give the object that a field holds, an empty one where there is none.

        Raises:
            Problem: the field holds something else.
        """
        value = self.values.get(name)
        if value is None or value == "":
            return Node({}, self.at(name))
        if not isinstance(value, dict):
            raise Problem(self.at(name), "not an object")
        return Node(value, self.at(name))

    def children(self, name: str) -> list["Node"]:
        """Give the objects of a list, none where there is no list.

        Raises:
            Problem: the field holds no list, or something in it is no object.
        """
        value = self.values.get(name)
        if value is None or value == "":
            return []
        if not isinstance(value, list):
            raise Problem(self.at(name), "not a list")
        nodes = []
        for index, item in enumerate(value):
            path = f"{self.at(name)}[{index}]"
            if not isinstance(item, dict):
                raise Problem(path, "not an object")
            nodes.append(Node(item, path))
        return nodes

    def text(self, name: str, limit: int = SHORT_LIMIT) -> str | None:
        """Give the text of a field that means something: an id, a name. A whole number is taken as text.

        Raises:
            Problem: the field holds something else, or more than `limit` characters.
        """
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
            raise Problem(self.at(name), "not text")
        text = value.strip()
        if len(text) <= LONGEST_BLANK and is_blank(text):
            return None
        if len(text) > limit:
            raise Problem(self.at(name), f"longer than {limit} characters")
        return text

    def one_of(self, name: str, known: Collection[str]) -> str:
        """Give the text of a field that must be one of those.

        Raises:
            Problem: it is missing, no text, or another.
        """
        stated = self.text(name)
        if stated is None or stated not in known:
            raise Problem(self.at(name), f"{stated!r} is none of {', '.join(known)}")
        return stated

    def first_text(self, names: Iterable[str]) -> str | None:
        """Give the first text that there is among the fields, as `text` does."""
        for name in names:
            if (text := self.text(name)) is not None:
                return text
        return None

    def remark(self, *names: str) -> str | None:
        """Give the first text among fields that only describe: what is no text is passed by, what is long is cut."""
        for name in names:
            value = self.values.get(name)
            if value is None:
                continue
            if isinstance(value, str):
                text = value.strip()
                if len(text) > LONGEST_BLANK or not is_blank(text):
                    return text[:TEXT_LIMIT]
            elif isinstance(value, int | float) and not isinstance(value, bool):
                return str(value)
        return None

    def first_present(self, names: Iterable[str]) -> str | None:
        """Give the name of the first field that holds something other than null and blanks."""
        for name in names:
            value = self.values.get(name)
            if value is not None and not (isinstance(value, str) and is_blank(value)):
                return name
        return None

    def first_filled(self, names: Iterable[str]) -> str | None:
        """Give the name of the first field that holds something; for numbers, where `NaN` is not missing but wrong."""
        for name in names:
            value = self.values.get(name)
            if value is not None and not (isinstance(value, str) and not value.strip()):
                return name
        return None


def deeper_than(value: object, limit: int) -> bool:
    """Say whether objects and lists are nested more than `limit` deep. Does not recurse."""
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
