"""The body of a request: read to a bound, gunzipped to a bound, taken for what it is and not for what it says."""

import zlib
from collections.abc import AsyncIterable, Callable

from producers.collector.refusal import Refusal

GZIP = b"\x1f\x8b"
#: A sender that is refused before it has finished sees a broken connection instead of the answer. So what is too
#: large is still read, to this many times the bound, and thrown away.
DRAIN = 8


async def read(stream: AsyncIterable[bytes], limit: int, keep: int, more: Callable[[int], None]) -> bytes:
    """Read a body of at most `limit` bytes, asking `more` for the room of each part.

    Raises:
        Refusal: it is longer (400 `too_large`, with the first `keep` bytes), or `more` has refused.
    """
    parts, size = [], 0
    refused: Refusal | None = None
    async for part in stream:
        if size <= limit and refused is None:
            try:
                more(len(part))
                parts.append(part)  # the part that goes over the bound too: `keep` may want its beginning
            except Refusal as refusal:
                refused = refusal
                parts.clear()
        size += len(part)
        if size > limit * DRAIN:
            break
    if refused is not None:
        raise refused
    body = b"".join(parts)
    if size > limit:
        raise Refusal(400, "too_large", f"$: the body has more than {limit} bytes", raw=body[:keep])
    return body


async def drain(stream: AsyncIterable[bytes], limit: int) -> None:
    """Read what is not wanted and throw it away, so that the sender sees the answer."""
    size = 0
    async for part in stream:
        size += len(part)
        if size > limit * DRAIN:
            break


def unpacked(body: bytes, limit: int, keep: int) -> bytes:
    """Gunzip what begins like gzip, whatever the headers say; several members are one body, as gzip has it.

    Raises:
        Refusal: it is broken (400 `bad_gzip`) or unpacks to more than `limit` bytes (400 `too_large`).
    """
    if not body.startswith(GZIP):
        return body
    parts, size, rest = [], 0, body
    try:
        while rest.startswith(GZIP):
            unpacker = zlib.decompressobj(wbits=31)
            part = unpacker.decompress(rest, limit - size + 1)
            size += len(part)
            parts.append(part)
            if size > limit:
                kept = b"".join(parts)[:keep]
                raise Refusal(400, "too_large", f"$: the body unpacks to more than {limit} bytes", raw=kept)
            if not unpacker.eof:
                raise zlib.error("it ends early")
            rest = unpacker.unused_data
    except zlib.error as error:
        raise Refusal(400, "bad_gzip", f"$: the body begins like gzip, but {error}", raw=body[:keep]) from None
    return b"".join(parts)


def few_enough(body: bytes, most: int, keep: int) -> None:
    """Let a body pass that has no more than about `most` values: whatever splits it makes an object of each.

    Raises:
        Refusal: it has more commas than that (400 `too_large`).
    """
    if len(body) > most and body.count(b",") >= most:
        raise Refusal(400, "too_large", f"$: the body has more than {most} values", raw=body[:keep])
