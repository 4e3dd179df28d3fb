"""What is stored under a profile's key. Fields are only added, at the end: it is stored as an array."""

import msgspec

from streams.core.consenting import Consents
from streams.core.erasing import Erased
from streams.core.journeys import Progress
from streams.core.tenancy import Others
from streams.core.touch_log import ChunkRef


class Head(msgspec.Struct, array_like=True, gc=False):
    """The newest events, where the journeys stand, and where older chunks are.

    `horizon` is the newest event ever dropped for the bound, and `base` how the journeys stood there. `tenant` is
    the first one, named by `moves.tenant_name`; None: the place is free; "": events without an owner, which never move.
    `catalogue` is the digest of the one that all of it was told by; see `renewal`. `erased`: all before is forgotten.
    """

    revision: int = 0
    next_chunk: int = 0
    chunks: list[ChunkRef] = []
    tail: bytes = b""
    tail_count: int = 0
    progress: Progress = msgspec.field(default_factory=Progress)
    horizon: tuple[int, bytes] | None = None
    base: Progress | None = None
    tail_start: Progress | None = None
    tenant: str | None = ""
    others: Others | None = None
    catalogue: bytes = b""
    erased: Erased | None = None
    consents: Consents | None = None


encode_head = msgspec.msgpack.Encoder().encode
decode_head = msgspec.msgpack.Decoder(Head).decode
