"""Splitting a POSLog into its transactions, each with its own bytes. Of a file never more than one transaction.

Entity declarations are refused (a bomb is made of them), and so is whatever points outside of the document. Elements
of the namespace in which `Transaction` stands go by their local names; those of extensions by `*` and their
local names, so that a till maker's own `CustomerID` is not taken for the standard's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.sax.saxutils import quoteattr

from defusedxml import DefusedXmlException, EntitiesForbidden, ExternalReferenceForbidden
from defusedxml.ElementTree import DefusedXMLParser

from producers.adapters.problem import Problem

CHUNK = 64 * 1024
#: What stands before the first transaction (the root with its namespaces) is kept with each one, up to so much.
MOST_HEAD = 4096
#: A transaction of a thousand lines has less.
MOST_BYTES = 4 * 1024 * 1024
DEPTH = 64
ROOTS = ("POSLog", "DigitalReceipt")


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction: its bytes as they came, and its tree, or what is wrong with it. `number` counts from 0.

    The bytes begin with what stands before the first one, so that its namespaces are known and it can be read again.
    """

    number: int
    raw: bytes
    tree: Element | Problem

    @property
    def path(self) -> str:
        """Where it stands."""
        return f"$.Transaction[{self.number}]"


def transactions(file: BinaryIO) -> Iterator[Transaction]:
    """Give the transactions, as they are read.

    Raises:
        Problem: it is no XML (from there on), declares entities, or is no POSLog.
    """
    target = _Target()
    parser = DefusedXMLParser(target=target, forbid_entities=True, forbid_external=True)
    target.place = parser.parser
    parser.parser.XmlDeclHandler = target.declared
    fed = 0
    while chunk := file.read(CHUNK):
        target.buffer += chunk
        if not fed:
            target.head = chunk[:MOST_HEAD]
        _guarded(parser, chunk, target)
        yield from target.taken()
        fed += len(chunk)
        if fed - parser.parser.CurrentByteIndex > MOST_BYTES:
            raise Problem("$", f"a tag of more than {MOST_BYTES} bytes, behind {target.number} transactions")
    _guarded(parser, None, target)
    if not target.number and target.root not in ROOTS:
        raise Problem("$", f"no POSLog: the root is {target.root!r}, and no Transaction is in it")


class _Place(Protocol):
    CurrentByteIndex: int


class _Target:
    """Builds the tree of a transaction and nothing else; keeps the bytes since it began."""

    def __init__(self) -> None:
        self.place: _Place | None = None
        self.buffer = bytearray()
        self.head = b""  # how the document begins; once the first transaction is met, what stands before it
        self.number = 0
        self.root = ""
        self._first = True
        self._begin = 0  # the byte of the document at which `buffer` begins
        self._start: int | None = None
        self._depth = 0
        self._space = ""
        self._builder: TreeBuilder | None = None
        self._problem: Problem | None = None
        self._empty = True
        self._spaces: dict[str, str] = {}
        self._encoding = "utf-8"
        self._too_large: bytes | None = None
        self._done: list[Transaction] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        space, _, local = tag.rpartition("}")
        self.root = self.root or local
        if self._start is None:
            if local == "Transaction":
                self._start, self._space, self._depth = self._at(), space, 0
                self._builder, self._problem = TreeBuilder(), None
                if self._first:
                    self._first, whole = False, self._start <= len(self.head)
                    self.head = self.head[: self._start] if whole else b""
            else:
                return
        self._empty = self._depth == 0
        self._depth += 1
        if self._depth > DEPTH:
            self._give_up(Problem(self._path, f"nested more than {DEPTH} deep"))
        self._check_size()
        if self._builder is not None:
            named = {name.rpartition("}")[2]: value for name, value in attributes.items()}
            self._builder.start(self._name(tag), named)

    def start_ns(self, prefix: str, uri: str) -> None:
        if self._start is None:
            self._spaces[prefix or ""] = uri

    def declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        """The first line says how the rest is written."""
        self._encoding = encoding or self._encoding

    def data(self, text: str) -> None:
        self._check_size()
        self._empty = False
        if self._builder is not None:
            self._builder.data(text)

    def end(self, tag: str) -> None:
        if self._start is None:
            return
        self._depth -= 1
        if self._builder is not None:
            self._builder.end(self._name(tag))
        if self._depth == 0:
            self._finish()

    def close(self) -> None:
        """Nothing is left to do; the parser wants it."""

    def taken(self) -> list[Transaction]:
        """Give what is finished, and forget the bytes of it."""
        done, self._done = self._done, []
        keep = self._begin + len(self.buffer)
        if self._start is not None and self._too_large is None:
            keep = self._start
        del self.buffer[: keep - self._begin]
        self._begin = keep
        return done

    def _check_size(self) -> None:
        if self._builder is not None and self._start is not None and self._at() - self._start > MOST_BYTES:
            begin = self._start - self._begin
            self._too_large = bytes(self.buffer[begin : begin + CHUNK])
            self._give_up(Problem(self._path, f"more than {MOST_BYTES} bytes in one transaction"))

    def _finish(self) -> None:
        tree = self._problem if self._builder is None else self._builder.close()
        self._done.append(
            Transaction(self.number, self._raw(), Problem(self._path, "not read") if tree is None else tree)
        )
        self.number += 1
        self._start = self._builder = self._too_large = None

    def _raw(self) -> bytes:
        """Give the transaction that ends here as a document; of one that is too large the first bytes."""
        if self._too_large is not None or self._start is None:
            return self._too_large or b""
        begin, last = self._start - self._begin, self._at() - self._begin
        if not (self._empty and bytes(self.buffer[begin:last].replace(b"\0", b"")).endswith(b"/>")):
            last = self.buffer.find(b">", last) + 1 or len(self.buffer)  # else it was told of behind <Transaction/>
        raw = bytes(self.buffer[begin:last])
        if raw[:2] == b"<\0":
            raw = bytes(self.buffer[begin : last + 1]).decode("utf-16-le", errors="ignore").encode()
        elif raw[:1] == b"\0":
            raw = raw.decode("utf-16-be", errors="replace").encode()
        elif self._encoding.lower() not in ("utf-8", "us-ascii", "ascii"):
            raw = raw.decode(self._encoding, errors="replace").encode()
        names = "".join(
            f" xmlns{':' if prefix else ''}{prefix}={quoteattr(uri)}" for prefix, uri in self._spaces.items()
        )
        return b"<POSLog" + names.encode() + b">" + raw + b"</POSLog>"

    def _give_up(self, problem: Problem) -> None:
        self._problem, self._builder = self._problem or problem, None

    @property
    def _path(self) -> str:
        return f"$.Transaction[{self.number}]"

    def _name(self, tag: str) -> str:
        space, _, local = tag.rpartition("}")
        return local if space in ("", self._space) else f"*{local}"

    def _at(self) -> int:
        return self.place.CurrentByteIndex if self.place is not None else 0


def _guarded(parser: DefusedXMLParser, chunk: bytes | None, target: _Target) -> None:
    """Feed the parser, or close it.

    Raises:
        Problem: what stands there is no XML, or not allowed.
    """
    try:
        if chunk is None:
            parser.close()
        else:
            parser.feed(chunk)
    except ParseError as error:
        line, column = error.position
        raise Problem(
            "$",
            f"no XML from line {line}, column {column + 1} on, behind {target.number} transactions: "
            f"{str(error).partition(':')[0]}",
        ) from None
    except EntitiesForbidden as error:
        raise Problem("$", f"declares the entity {error.name!r}; entities are not taken") from None
    except ExternalReferenceForbidden:
        raise Problem("$", "points outside of itself; such documents are not taken") from None
    except DefusedXmlException as error:
        raise Problem("$", f"not taken: {error}") from None
    except (ValueError, LookupError) as error:
        raise Problem("$", f"no XML: {error}") from None
