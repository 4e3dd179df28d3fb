"""The catalogue's section `attribution`: which models give credit, how, and whose touches may be named."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from schemas.base import Name
from schemas.section import Section

RuleModel = Literal["first", "last", "last_non_direct", "linear", "linear_channel", "position_based", "time_decay"]
"""The models that need nothing but a path."""
RULE_MODELS: tuple[RuleModel, ...] = get_args(RuleModel)

Transform = Literal["unique", "exposure", "first", "remove_direct"]
"""How a path is thinned out before a model sees it; `streams/core/attribution/transforms.py` defines each."""

Weight = Annotated[int, Field(ge=0, le=1_000_000)]


class ModelSettings(Section):
    """One model of the ledger: a rule model or a user's own, behind any transforms."""

    kind: RuleModel | None = None
    """Left out: the name of the table."""
    entry_point: str | None = None
    """A user's own model instead: its name in the group `touchpath.attribution_models`."""
    transforms: tuple[Transform, ...] = ()
    """Applied to the path one after the other."""
    weights: tuple[Weight, Weight, Weight] = (40, 20, 40)
    """`position_based`: the first touch, all between together, the last one."""
    half_life_days: float = Field(default=7, ge=0.001, le=3650)
    """`time_decay`: a touch so much older earns half."""

    @model_validator(mode="after")
    def _says_what_it_means(self) -> Self:
        if (self.kind is None) == (self.entry_point is None):
            raise ValueError("a model has a kind or an entry_point, and one of them")
        for setting, kind in (("weights", "position_based"), ("half_life_days", "time_decay")):
            if setting in self.model_fields_set and self.kind != kind:
                raise ValueError(f"{setting} belongs to {kind} alone")
        if not any(self.weights):
            raise ValueError("weights must not all be 0")
        return self


#: What our snippet calls a purpose in the event of a decision, where that is not the last name of its place.
_OTHER_NAMES = {"advertising": ("ads", "advertising")}


class ConsentSettings(Section):
    """How a touchpoint says that it may be attributed, and how a person says so of all touchpoints."""

    fields: tuple[str, ...] = ("context.consent.categoryPreferences.analytics",)
    """Places in the touchpoint's properties. A no at one of them withholds it."""
    unknown: Literal["allowed", "withheld"] = "allowed"
    """What holds for a touchpoint that says nothing at any of them."""
    decisions: tuple[Name, ...] = ("consent_changed",)
    """Touchpoints by which a person gives or withdraws consent. A no withholds all that came before it, for good, and
    what comes after it until the next yes."""
    decision_fields: tuple[str, ...] | None = None
    """Places in the properties of a decision that are asked first; `fields` are, where these say nothing. Left out: the
    last name of each of `fields`, as our snippet writes it."""

    @property
    def decision_places(self) -> tuple[str, ...]:
        """Where a decision is looked for first: our snippet's withdrawal has the old state in its context."""
        if self.decision_fields is not None:
            return self.decision_fields
        last = [field.rpartition(".")[2] for field in self.fields]
        return tuple(dict.fromkeys(name for purpose in last for name in _OTHER_NAMES.get(purpose, (purpose,))))


class AttributionSettings(Section):
    """How credit is given. `models` is a list of names, or a table for each."""

    models: dict[Name, ModelSettings] = Field(
        default_factory=lambda: {name: ModelSettings(kind=name) for name in ("first", "last", "linear")}, min_length=1
    )
    look_back_days: Annotated[int, Field(ge=0, le=3650)] = 30
    stop_at_conversion: bool = False
    max_path: int = Field(default=100, ge=1, le=1000)
    consent: ConsentSettings = ConsentSettings()

    @field_validator("models", mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
            twice = sorted({name for name in value if value.count(name) > 1})
            if twice:
                raise ValueError(f"{twice[0]!r} stands there twice")
            value = {name: {} for name in value}
        if not isinstance(value, dict):
            return value
        return {
            name: {"kind": name, **table}
            if isinstance(table, dict) and "kind" not in table and "entry_point" not in table
            else table
            for name, table in value.items()
        }
