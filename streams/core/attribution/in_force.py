"""The published models that are in force in one lane, as `touchpath.models` has told; kept in the lane's state."""

from collections.abc import Sequence

import msgspec

from schemas.attribution_model import AttributionModel, Level
from streams.core.attribution.book import Book, BookedModel
from streams.core.attribution.data_driven.published import PublishedWeights, as_model, weights_of
from streams.core.clock import micros, moment


class Published(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is kept of a published model: weights in billionths by name, at one level, its fit, and since when it is in
    force, in microseconds since 1970; 0: nobody said.
    """

    fit: str
    level: Level
    units: dict[str, int]
    since: int = 0


InForce = dict[str, Published]
"""By the model's name."""

_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(InForce).decode


def stored(models: InForce) -> bytes:
    """Write what is in force; equal models give equal bytes."""
    return _encode(models)


def restored(state: bytes | None) -> InForce:
    """Read what is in force."""
    return {} if state is None else _decode(state)


def told(models: InForce, name: str, value: bytes | None) -> InForce:
    """Give what is in force after a record of `touchpath.models`; a value None withdraws the model.

    Raises:
        pydantic.ValidationError: the record breaks the contract.
    """
    others = {known: model for known, model in models.items() if known != name}
    if value is None:
        return others
    record = AttributionModel.model_validate_json(value)
    weights = weights_of(record)
    since = micros(record.published_at) if record.published_at is not None else 0
    return {**others, record.name: Published(str(record.fit_id), weights.level, dict(weights.units), since)}


def book_of(models: Sequence[BookedModel], published: InForce) -> Book:
    """Give the book: the catalogue's models, and behind them by name the published ones that have no name of these."""
    taken = {model.name for model in models}
    learned = [
        BookedModel(
            name, as_model(PublishedWeights(model.level, model.units)), model.fit, model.fit, moment(model.since)
        )
        for name, model in sorted(published.items())
        if name not in taken
    ]
    return Book([*models, *learned])
