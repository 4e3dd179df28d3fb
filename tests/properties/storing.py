"""Helpers: run the real stages and keep the state that they leave, as the worker's store holds it."""

from collections.abc import Sequence
from itertools import pairwise

from schemas.catalogue import Catalogue, load
from schemas.topics import RESOLVED
from schemas.touchpoint import Touchpoint
from streams.core.attribution.book import Book
from streams.core.fold import MODELS, FoldStage, _load
from streams.core.head import Head, decode_head
from streams.core.profile import Profile
from streams.core.resolve import ResolveStage
from streams.core.rules import Rules
from streams.core.stage import Output
from streams.core.touch import Touch
from tests.properties.folding import ARecord

Store = dict[bytes, bytes]


def bounded(catalogue: Catalogue, most: int) -> Catalogue:
    """The catalogue with another bound of a profile."""
    return catalogue.model_copy(update={"journey": catalogue.journey.model_copy(update={"max_touchpoints": most})})


def no_state(key: bytes) -> None:
    """Remember nothing: each identifier is met for the first time."""


def fold_batch(fold: FoldStage, store: Store, events: Sequence[Touchpoint], offset: int = 0) -> list[Output]:
    """Resolve and fold one batch, and write its state to the store."""
    records = [
        ARecord(n, e.key.encode(), e.model_dump_json().encode(), 1_700_000_000_000 + n)
        for n, e in enumerate(events, start=offset)
    ]
    resolved = [o for o in ResolveStage(load()).process(0, records, no_state).outputs if o.topic == RESOLVED.name]
    result = fold.process(
        0,
        [ARecord(n, o.key, o.value, o.timestamp, o.topic) for n, o in enumerate(resolved, start=offset)],
        store.get,
    )
    for key, value in result.state.items():
        if value is None:
            assert key in store, f"removes {key!r}, which was never written"
            del store[key]
        else:
            store[key] = value
    return result.outputs


def run_and_store(
    events: Sequence[Touchpoint], borders: Sequence[int], catalogue: Catalogue
) -> tuple[list[Output], Store]:
    """Fold events cut into batches at `borders`; give all outputs and the state at the end."""
    fold, store = FoldStage(catalogue), Store()
    outputs: list[Output] = []
    cuts = [0, *sorted({border % (len(events) + 1) for border in borders}), len(events)]
    for begin, end in pairwise(cuts):
        outputs += fold_batch(fold, store, events[begin:end], begin)
    return outputs, store


def profiles_in(store: Store) -> list[str]:
    """The profiles that have a head in the store."""
    return sorted(key.decode() for key in store if b"/" not in key and key != MODELS)


def head_of(store: Store, profile_id: str) -> Head:
    """The stored head of a profile."""
    return decode_head(store[profile_id.encode()])


def kept(store: Store, profile_id: str, catalogue: Catalogue) -> list[Touch]:
    """The events that a profile keeps, read as the fold reads them."""
    profile: Profile = _load(profile_id, Rules(catalogue), Book([]), store.get)
    return list(profile._log)


def live_keys(store: Store) -> set[bytes]:
    """The keys that the heads in the store know of, and those of what is booked of the conversions that they keep."""
    keys: set[bytes] = {MODELS} & store.keys() | {key for key in store if key.startswith(b"catalogue/")}
    for profile_id in profiles_in(store):
        keys.add(profile_id.encode())
        keys.update(f"{profile_id}/{ref.number}".encode() for ref in head_of(store, profile_id).chunks)
        conversions = (touch for touch in kept(store, profile_id, load()) if touch.converts)
        keys.update(f"{profile_id}/c{conversion.id.hex()}".encode() for conversion in conversions)
    return keys
