"""The models of the ledger, as the catalogue wants them: each a name and a function from a path to weights."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.attributing import AttributionSettings, ModelSettings
from streams.core.attribution.models import Model, Weigh, rule_model
from streams.core.attribution.transforms import behind
from streams.core.attribution.user_models import guarded, load_user_model


class BookedModel(NamedTuple):
    """A model under its name in the ledger. `weigh` gives None where it has no answer: all is unattributed then."""

    name: str
    weigh: Weigh


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
    if settings.kind is not None:
        return BookedModel(name, behind(settings.transforms, rule_model(settings.kind, settings)))
    entry_point = settings.entry_point or name
    given = user_models.get(entry_point) if user_models is not None else None
    model = given if given is not None else load_user_model(entry_point)
    own = guarded(model, lambda why: complain(f"model_failed.{name}.{why}"))
    return BookedModel(name, behind(settings.transforms, own))
