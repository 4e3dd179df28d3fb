"""The models of the ledger: each a name and a function from a path to weights.

Those of the catalogue are there as long as a worker runs. Beside them are the published ones, which were learned.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from schemas.attributing import AttributionSettings, ModelSettings
from streams.core.attribution.models import Model, Weigh, rule_model
from streams.core.attribution.transforms import behind
from streams.core.attribution.user_models import guarded, load_user_model
from streams.core.ids import long_hash


class BookedModel(NamedTuple):
    """A model under its name in the ledger. `weigh` gives None where it has no answer: all is unattributed then.

    `fit` is the id of the fit that it was learned in; None: it was not learned. `edition` stands for all that its
    answers depend on. `since` is when a fit was put in force.
    """

    name: str
    weigh: Weigh
    edition: str = ""
    fit: str | None = None
    since: datetime | None = None


class Book:
    """All models that a conversion is split by, in the order of its entries."""

    def __init__(self, models: Iterable[BookedModel]) -> None:
        self.models = tuple(models)
        self.fits = {model.name: model.fit for model in self.models if model.fit is not None}
        self.edition = long_hash("\x1e".join(f"{model.name}\x1f{model.edition}" for model in self.models))
        """Two books with one edition split every path alike."""
        self._since = {model.name: model.since for model in self.models if model.since is not None}

    def not_yet(self, at: datetime) -> dict[str, datetime]:
        """Give the models that were put in force after `at`, and when."""
        return {name: since for name, since in self._since.items() if since > at}


def booked_models(
    settings: AttributionSettings, complain: Callable[[str], None], user_models: Mapping[str, Model] | None = None
) -> tuple[BookedModel, ...]:
    """Give the models in the order of the catalogue.

    `complain` takes a word for the metrics each time a user's model fails: `model_failed.<name>.<reason>`.
    `user_models` None: users' models are loaded by their entry points.

    Raises:
        UserModelError: a user's model cannot be loaded.
    """
    return tuple(_booked(name, model, complain, user_models) for name, model in settings.models.items())


def _booked(
    name: str, settings: ModelSettings, complain: Callable[[str], None], user_models: Mapping[str, Model] | None
) -> BookedModel:
    edition = settings.model_dump_json()
    if settings.kind is not None:
        return BookedModel(name, behind(settings.transforms, rule_model(settings.kind, settings)), edition)
    entry_point = settings.entry_point or name
    given = user_models.get(entry_point) if user_models is not None else None
    model = given if given is not None else load_user_model(entry_point)
    own = guarded(model, lambda why: complain(f"model_failed.{name}.{why}"))
    return BookedModel(name, behind(settings.transforms, own), edition)
