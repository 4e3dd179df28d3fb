"""Rows that people export by hand: CSV or JSON lines, gzipped or not, with columns named as each house names them.

`Order ID`, `order_id` and `orderId` are one column: names are compared without case, blanks and signs. Where two
columns of a row are the same to us, the first that holds something counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, BinaryIO

from producers.adapters.adapter import Context, HookRequest, Piece
from producers.adapters.amounts import currency_of, decimal_of, money
from producers.adapters.moments import parsed
from producers.adapters.payload import SHORT_LIMIT, Node
from producers.adapters.person import email, phone
from producers.adapters.person import identifiers as identifiers_named
from producers.adapters.pieces import BAD_GZIP, BOM, csv_rows, json_lines, json_pieces, unzipped
from producers.adapters.problem import Problem
from producers.adapters.resumed import ResumedFile, kept_heading
from schemas.identifier import Identifier, is_blank
from schemas.money import Money


def hook_rows(request: HookRequest, context: Context) -> Iterator[Piece]:
    """Split a request: one JSON object, or a list of them."""
    return json_pieces(request.body, context.limits)


def file_rows(file: BinaryIO, context: Context) -> Iterator[Piece]:
    """Split a file of rows: JSON lines where it begins with a brace, else CSV with a heading.

    Raises:
        Problem: it is CSV and has no heading that can be read, or it is a gzip file that is broken somewhere.
    """
    plain, begin = opened(file)
    rows = json_lines if begin.removeprefix(BOM).lstrip().startswith(b"{") else csv_rows
    return whole_gzip(rows(plain, context.limits))


def opened(file: BinaryIO) -> tuple[BinaryIO, bytes]:
    """Give the file, gunzipped as it is read where that is needed, and how its content begins.

    A file that an import goes on with is given as it is: whoever found the place has read it as it is.

    Raises:
        Problem: it cannot be unpacked.
    """
    if isinstance(file, ResumedFile):
        # Rows are never gone on with behind a blank line, as that is no heading.
        return file, (kept_heading(file) or b"").removeprefix(BOM).strip() or b"{"
    plain = unzipped(file) if file.tell() == 0 else file
    place = plain.tell()
    try:
        begin = plain.read(64)
        plain.seek(place)
    except BAD_GZIP as error:
        raise Problem("$", f"cannot be unpacked: {error}") from None
    return plain, begin


def whole_gzip(rows: Iterator[Piece]) -> Iterator[Piece]:
    """Give the pieces.

    Raises:
        Problem: the rest cannot be unpacked. What came before it is whole.
    """
    path = "its beginning"
    try:
        for piece in rows:
            path = piece.path
            yield piece
    except BAD_GZIP as error:
        raise Problem("$", f"the gzip file is broken behind {path}: {error}") from None


class Loose:
    """One row, read by what its columns mean. Paths in problems name the column as the sender does."""

    __slots__ = ("_names", "_read", "node")

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        self.node = Node(values, path)
        self._names: dict[str, list[str]] = {}
        self._read: set[str] = set()
        for name in values:
            self._names.setdefault(folded(name), []).append(name)

    def key(self, *aliases: str) -> str | None:
        """Give the sender's name of the first of these columns that holds something."""
        for alias in aliases:
            for name in self._names.get(folded(alias), ()):
                value = self.node.values[name]
                if value is not None and not (isinstance(value, str) and is_blank(value)):
                    self._read.add(name)
                    return name
        return None

    def at(self, *aliases: str) -> str:
        """Give the path of that column; of the first alias where there is none."""
        return self.node.at(self.key(*aliases) or aliases[0])

    def value(self, *aliases: str) -> Any:
        """Give what that column holds, None where there is none."""
        name = self.key(*aliases)
        return None if name is None else self.node.values[name]

    def text(self, *aliases: str, limit: int = SHORT_LIMIT) -> str | None:
        """Give the text of that column.

        Raises:
            Problem: it holds no text, or a longer one.
        """
        name = self.key(*aliases)
        return None if name is None else self.node.text(name, limit)

    def required(self, *aliases: str) -> str:
        """Give the text of a column that must be there.

        Raises:
            Problem: it is not.
        """
        text = self.text(*aliases)
        if text is None:
            raise Problem(self.node.at(aliases[0]), "required, but missing or blank")
        return text

    def remark(self, *aliases: str) -> str | None:
        """Give a text that only describes: what is no text is passed by, what is long is cut."""
        name = self.key(*aliases)
        return None if name is None else self.node.remark(name)

    def number(self, *aliases: str) -> Decimal | None:
        """Give the number of that column; `4,5` is one where the column holds text.

        Raises:
            Problem: it is no number.
        """
        name = self.key(*aliases)
        if name is None:
            return None
        value = self.node.values[name]
        if isinstance(value, str) and "." not in value and value.count(",") == 1:
            value = value.replace(",", ".")
        return decimal_of(value, self.node.at(name))

    def moment(self, *aliases: str) -> tuple[datetime, str]:
        """Give the time of that column, which must be there, and its path. Without a zone where none is written.

        Raises:
            Problem: it is missing, or no time.
        """
        name = self.key(*aliases)
        if name is None:
            raise Problem(self.node.at(aliases[0]), "required, but missing or blank")
        path = self.node.at(name)
        return parsed(self.node.values[name], path), path

    def money(self, default_currency: str | None, *aliases: str) -> Money | None:
        """Give the amount of that column in the row's currency, else in the source's.

        Raises:
            Problem: it is no number, or nobody says in which currency it is.
        """
        number = self.number(*aliases)
        if number is None:
            return None
        stated = self.text("currency", "currency_code")
        path = self.at("currency", "currency_code")
        if stated is None and default_currency is None:
            raise Problem(path, "required: the source has no currency of its own")
        return money(number, currency_of(stated or default_currency, path), self.at(*aliases))

    def meaning(self, known: Mapping[str, str], *aliases: str) -> str:
        """Give what that column's word means: `known` by folded words, "" for a column that is not there.

        Raises:
            Problem: it is no text, or another word.
        """
        stated = self.text(*aliases, limit=100)
        found = known.get(folded(stated or ""))
        if found is None:
            raise Problem(self.at(*aliases), f"{stated!r} is none of {', '.join(filter(None, known))}")
        return found

    def rest(self) -> dict[str, Any]:
        """Give the columns that hold something and that nobody asked for; none that may name a person."""
        return {
            name: value
            for name, value in self.node.values.items()
            if name not in self._read
            and folded(name) not in _NAMING
            and value is not None
            and not (isinstance(value, str) and is_blank(value))
        }


OWN_CUSTOMER = ("customer_id", "customer", "customer_number", "customer_no")
CUSTOMER = (*OWN_CUSTOMER, "user_id", "contact_id")
EMAIL = ("email", "e_mail", "email_address", "mail")
PHONE = ("phone", "phone_number", "mobile", "mobile_phone", "telephone")
LOYALTY = ("loyalty_id", "loyalty", "loyalty_card", "loyalty_number", "customer_card")
DEVICE = ("device_id", "device")
ANONYMOUS = ("anonymous_id", "cookie_id", "visitor_id")


def identifiers_of(rows: Iterable[Loose], region: str | None, customer: tuple[str, ...] = CUSTOMER) -> list[Identifier]:
    """Give the identifiers that the rows name, each once; what is no address or no number names nobody.

    `customer` are the columns that hold a customer's number: in what comes from elsewhere, a `user_id` is none of ours.

    Raises:
        Problem: one of them is no text.
    """
    found: dict[Identifier, None] = {}
    for row in rows:
        for identifier in identifiers_named(
            customer=row.text(*customer),
            loyalty=row.text(*LOYALTY),
            email=email(row.text(*EMAIL)),
            phone=phone(row.text(*PHONE), region),
            device=row.text(*DEVICE),
            anonymous=row.text(*ANONYMOUS),
        ):
            found[identifier] = None
    return list(found)


def channel_of(row: Loose, channels: Mapping[str, str]) -> str | None:
    """Give the channel that the row names; None where it names none.

    Raises:
        Problem: the catalogue has no such channel.
    """
    stated = row.text("channel")
    return None if stated is None else channel_named(stated, channels, row.at("channel"))


def channel_named(stated: str, channels: Mapping[str, str], path: str) -> str:
    """Give the channel whose name or label that is: `direct_mail`, `Direct mail`, `E-mail`. `channels`: name → label.

    Raises:
        Problem: the catalogue has no such channel.
    """
    for name, label in channels.items():
        if folded(stated) in {folded(name), folded(label)}:
            return name
    raise Problem(path, f"{stated!r} is none of the catalogue's channels: {', '.join(channels)}")


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """Give a column's name without case, blanks and signs."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


_NAMING = frozenset(map(folded, (*CUSTOMER, *EMAIL, *PHONE, *LOYALTY, *DEVICE, *ANONYMOUS)))
