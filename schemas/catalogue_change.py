"""What is different between two catalogues: in a marketer's words, and what it takes until all that was said follows.

A pure comparison. Three things can be needed. `nothing`: reports show it at once, or it holds for what comes from now
on. `renew`: profiles have all that it takes, and say anew what they would say otherwise. `reread`: the answer lies in
touchpoints' properties, which profiles do not keep, so these are read once more.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from schemas.catalogue import Catalogue, TouchpointEntry
from schemas.converting import ConversionEntry

Need = Literal["nothing", "renew", "reread"]
_ORDER: tuple[Need, ...] = ("nothing", "renew", "reread")


class Difference(NamedTuple):
    """One thing that is otherwise: where in the file, what, and what it needs."""

    place: str
    says: str
    needs: Need


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """All that is different.

    `reread` are the names of the touchpoints that must be read again, with their parts (`name.part`); None: every one.
    """

    differences: tuple[Difference, ...]
    reread: frozenset[str] | None = frozenset()

    @property
    def needs(self) -> Need:
        """The most that one of the differences needs."""
        return max((each.needs for each in self.differences), key=_ORDER.index, default="nothing")


def compare(old: Catalogue, new: Catalogue, *, rates_differ: bool | None = None) -> CatalogueChange:
    """Say what is different in `new`. `rates_differ` None: both have their rates, and are compared by them."""
    reread = _reread_for_conversions(old, new)
    found = [
        *_phases(old, new),
        *_journey(old, new),
        *_attribution(old, new),
        *_consent(old, new),
        *_touchpoints(old, new, reread),
        *_conversions(old, new, reread),
        *_refunds(old, new, reread),
        *_currencies(old, new, rates_differ),
        *_others(old, new),
    ]
    again: frozenset[str] | None = None
    if reread is not None and not _consent_everywhere(old, new):
        again = reread | _consent_names(old, new)
    return CatalogueChange(tuple(found), again)


# --- journeys and attribution


def _phases(old: Catalogue, new: Catalogue) -> Iterator[Difference]:
    if old.phases != new.phases:
        yield Difference("phases", f"the phases are {_listed(new.phases)} (were {_listed(old.phases)})", "nothing")
    if old.retention_phase != new.retention_phase:
        says = f"what comes after a sale has the phase {new.retention_phase!r} (was {old.retention_phase!r})"
        needs: Need = "renew" if any(_after_sales(old, new)) else "nothing"
        yield Difference("retention_phase", says, needs)


def _after_sales(old: Catalogue, new: Catalogue) -> Iterator[bool]:
    for name in old.touchpoints.keys() | new.touchpoints.keys():
        yield _effect(old, name).retention != _effect(new, name).retention


_JOURNEY: Mapping[str, str] = {
    "visit_gap_minutes": "a pause of {new} minutes begins a new visit (was {old})",
    "inactivity_days": "a pause longer than {new} days begins a new journey (was {old})",
    "after_sales_days": "after-sales touchpoints belong to the sale's journey for {new} days (was {old})",
    "max_touchpoints": "of a profile the newest {new} touchpoints are kept (was {old})",
}
_ATTRIBUTION: Mapping[str, str] = {
    "look_back_days": "touches of the last {new} days before a conversion may earn credit (was {old})",
    "max_path": "at most {new} touches share a conversion (was {old})",
}


def _journey(old: Catalogue, new: Catalogue) -> Iterator[Difference]:
    return _settings("journey", old.journey, new.journey, _JOURNEY, "renew")


def _settings(
    section: str, old: BaseModel, new: BaseModel, words: Mapping[str, str], needs: Need
) -> Iterator[Difference]:
    for field, text in words.items():
        was, now = getattr(old, field), getattr(new, field)
        if was != now:
            yield Difference(f"{section}.{field}", text.format(old=_word(was), new=_word(now)), needs)


def _attribution(old: Catalogue, new: Catalogue) -> Iterator[Difference]:
    was, now = old.attribution, new.attribution
    yield from _settings("attribution", was, now, _ATTRIBUTION, "renew")
    if was.stop_at_conversion != now.stop_at_conversion:
        says = "earns nothing of the next" if now.stop_at_conversion else "may earn credit of the next too"
        yield Difference("attribution.stop_at_conversion", f"what came before a closing conversion {says}", "renew")
    for name in _names(was.models, now.models):
        place = f"attribution.models.{name}"
        one, other = was.models.get(name), now.models.get(name)
        if one is None:
            yield Difference(place, f"the model {name!r} is new", "renew")
        elif other is None:
            yield Difference(place, f"the model {name!r} is gone: its credits are taken back", "renew")
        elif fields := _changed_fields(one, other):
            yield Difference(place, f"the model {name!r} has other settings: {_pairs(one, other, fields)}", "renew")


def _consent(old: Catalogue, new: Catalogue) -> Iterator[Difference]:
    was, now = old.attribution.consent, new.attribution.consent
    place = "attribution.consent"
    if was.fields != now.fields:
        says = f"whether a touchpoint may be attributed stands at {_listed(now.fields)} (was {_listed(was.fields)})"
        yield Difference(f"{place}.fields", says, "reread")
    if was.unknown != now.unknown:
        says = f"a touchpoint that says nothing of consent is {now.unknown} (was {was.unknown})"
        yield Difference(f"{place}.unknown", says, "reread")
    if set(was.decisions) != set(now.decisions):
        says = f"people decide on consent by {_listed(now.decisions)} (was {_listed(was.decisions)})"
        yield Difference(f"{place}.decisions", says, "reread")
    if was.decision_places != now.decision_places:
        says = f"a decision on consent stands at {_listed(now.decision_places)} (was {_listed(was.decision_places)})"
        yield Difference(f"{place}.decision_fields", says, "reread")


def _consent_everywhere(old: Catalogue, new: Catalogue) -> bool:
    was, now = old.attribution.consent, new.attribution.consent
    return (was.fields, was.unknown) != (now.fields, now.unknown)


def _consent_names(old: Catalogue, new: Catalogue) -> frozenset[str]:
    was, now = old.attribution.consent, new.attribution.consent
    if was.decision_places != now.decision_places:
        return frozenset(was.decisions) | frozenset(now.decisions)
    return frozenset(was.decisions) ^ frozenset(now.decisions)


# --- touchpoints


class _Effect(NamedTuple):
    """What a touchpoint's name means for journeys and credits. `visit` None: as its channel says."""

    credit: bool
    visit: bool | None
    retention: bool


def _effect(catalogue: Catalogue, name: str) -> _Effect:
    entry = catalogue.entry(name)
    if entry is None:
        return _Effect(False, None, False)
    return _Effect(entry.credit, entry.visit, entry.phase == catalogue.retention_phase)


def _reaches(catalogue: Catalogue, name: str) -> tuple[bool, tuple[str, ...]]:
    """Give whether a touchpoint takes money back, and the conversions that name it, or what it is a part of."""
    known = catalogue.known(name)
    return catalogue.takes_back(name), tuple(
        conversion for conversion, entry in catalogue.conversions.items() if known in entry.touchpoints
    )


def _touchpoints(old: Catalogue, new: Catalogue, reread: frozenset[str] | None) -> Iterator[Difference]:
    for name in _names(old.touchpoints, new.touchpoints):
        was, now = old.touchpoints.get(name), new.touchpoints.get(name)
        if was == now:
            continue
        needs: Need = "nothing" if _effect(old, name) == _effect(new, name) else "renew"
        # A part without an entry of its own is what its whole is.
        whole = old.known(name) if was is None else new.known(name) if now is None else None
        parts_ways = whole is not None and _reaches(old, name) != _reaches(new, name)
        if parts_ways:
            needs = _need(frozenset({name}), reread)
        if was is None and now is not None:
            says = f"the touchpoint {name!r} is new: {_earning(now)}, phase {now.phase}"
            says += f"; it no longer converts or takes money back as {whole!r} does" if parts_ways else ""
        elif now is None and whole is not None:
            says = f"the touchpoint {name!r} is gone: it counts as {whole!r} does"
        elif now is None:
            says = f"the touchpoint {name!r} is gone: it earns nothing by itself and has no phase"
        elif was is not None:
            says = f"the touchpoint {name!r}: {'; '.join(_entry_words(was, now))}"
        yield Difference(f"touchpoints.{name}", says, needs)


def _earning(entry: TouchpointEntry) -> str:
    return "earns credit by its visit" if entry.visit else "may earn credit" if entry.credit else "earns no credit"


def _entry_words(was: TouchpointEntry, now: TouchpointEntry) -> Iterator[str]:
    if (was.credit, was.visit) != (now.credit, now.visit):
        yield f"{_earning(now)} (was: {_earning(was)})"
    for field in ("phase", "label", "channel", "department"):
        if getattr(was, field) != getattr(now, field):
            yield f"{field} {getattr(now, field)!r} (was {getattr(was, field)!r})"
    if was.events != now.events:
        yield f"senders call it {_listed(now.events)} (was {_listed(was.events)})"


# --- conversions


def _conversions(old: Catalogue, new: Catalogue, reread: frozenset[str] | None) -> Iterator[Difference]:
    for name in _names(old.conversions, new.conversions):
        was, now = old.conversions.get(name), new.conversions.get(name)
        if was == now:
            continue
        if was is None and now is not None:
            says = f"the conversion {name!r} is new: {_kind(now)}, reached by {_reached_by(now)}"
        elif now is None:
            says = f"the conversion {name!r} is gone: its credits are taken back"
        elif was is not None:
            says = f"the conversion {name!r}: {'; '.join(_conversion_words(was, now))}"
        reached = frozenset(chain(was.touchpoints if was else (), now.touchpoints if now else ()))
        yield Difference(f"conversions.{name}", says, _need(reached, reread))
    kept = [name for name in new.conversions if name in old.conversions]
    if kept != [name for name in old.conversions if name in new.conversions]:
        says = f"of conversions that an event could reach the first counts, in the order {_listed(new.conversions)}"
        yield Difference("conversions", says, _need(frozenset(), reread))


def _need(names: frozenset[str], reread: frozenset[str] | None) -> Need:
    return "reread" if reread is None or names & reread else "renew"


def _kind(entry: ConversionEntry) -> str:
    return "closes the journey" if entry.closing else "does not close the journey"


def _reached_by(entry: ConversionEntry) -> str:
    who = _listed(entry.touchpoints) if entry.touchpoints else "any touchpoint"
    count = len(entry.where)
    return who + (f" under {count} condition{'' if count == 1 else 's'}" if count else "")


def _conversion_words(was: ConversionEntry, now: ConversionEntry) -> Iterator[str]:
    if was.closing != now.closing:
        yield _kind(now)
    if gone := sorted(set(was.touchpoints) - set(now.touchpoints)):
        yield f"no longer reached by {_listed(gone)}"
    if came := sorted(set(now.touchpoints) - set(was.touchpoints)):
        yield f"reached by {_listed(came)} too"
    if was.where != now.where:
        yield "other conditions"
    if _worth(was) != _worth(now):
        yield f"worth {_worth(now)} (was {_worth(was)})"


def _worth(entry: ConversionEntry) -> str:
    if entry.value == "fixed":
        return f"{entry.amount} {entry.currency}"
    if entry.value == "field":
        return f"what stands in {entry.field}, in {entry.currency or entry.currency_field}"
    return "the touchpoint's amount" if entry.value == "amount" else "nothing"


def _refunds(old: Catalogue, new: Catalogue, reread: frozenset[str] | None) -> Iterator[Difference]:
    gone, came = set(old.refunds) - set(new.refunds), set(new.refunds) - set(old.refunds)
    for name in sorted(gone | came):
        says = "takes money back" if name in came else "no longer takes money back"
        yield Difference("refunds", f"{name!r} {says} from the order that it names", _need(frozenset({name}), reread))


class _Questions(NamedTuple):
    """What is asked of a touchpoint of some name: which conversion does it reach, and what is that worth?"""

    asked: tuple[Any, ...]
    """The conversions up to the first that asks for no condition, with what they look at in the touchpoint."""
    looks_inside: bool
    has_field: bool
    converts: bool
    """Does every touchpoint of this name convert?"""


def _questions(catalogue: Catalogue, name: str | None) -> _Questions:
    """Give the questions for a touchpoint of a name; None: one that the catalogue does not have."""
    asked: list[Any] = []
    looks_inside = has_field = converts = False
    known = catalogue.known(name) if name is not None else None
    if known not in catalogue.refunds:
        for conversion, entry in catalogue.conversions.items():
            if entry.touchpoints and known not in entry.touchpoints:
                continue
            field = (entry.field, entry.currency, entry.currency_field) if entry.value == "field" else None
            asked.append((conversion, entry.where, field) if entry.where else (None, (), field))
            looks_inside |= bool(entry.where or field)
            has_field |= field is not None
            converts = not entry.where
            if converts:
                break
    return _Questions(tuple(asked), looks_inside, has_field, converts)


def _must_be_read_again(old: Catalogue, new: Catalogue, name: str | None) -> bool:
    was, now = _questions(old, name), _questions(new, name)
    if was.asked == now.asked:
        return False
    # A field's value stands where the amount stood; and who has not converted yet has no money and no source.
    return now.looks_inside or was.has_field or (now.converts and not was.converts)


def _reread_for_conversions(old: Catalogue, new: Catalogue) -> frozenset[str] | None:
    if _must_be_read_again(old, new, None):
        return None
    named = old.touchpoints.keys() | new.touchpoints.keys()
    return frozenset(name for name in named if _must_be_read_again(old, new, name))


# --- the rest


def _currencies(old: Catalogue, new: Catalogue, rates_differ: bool | None) -> Iterator[Difference]:
    was, now = old.currencies, new.currencies
    if was.reporting != now.reporting:
        texts = [f"reported in {each.reporting}" if each.reporting else "in its own currency" for each in (now, was)]
        yield Difference("currencies.reporting", f"each conversion is {texts[0]} (was {texts[1]})", "renew")
    if now.reporting is None or was.reporting is None:
        return
    if was.base != now.base:
        yield Difference("currencies.base", f"the rates are prices of 1 {now.base} (was {was.base})", "renew")
    if was.table.digest != now.table.digest if rates_differ is None else rates_differ:
        yield Difference("currencies.rates", "the exchange rates are other ones", "renew")


_OTHERS: Mapping[str, tuple[str, Callable[[Catalogue], object]]] = {
    "channels": ("the channels' names are other ones: reports show them at once", lambda one: one.channels),
    "store": ("receipts are read otherwise from now on", lambda one: one.store),
    "web": ("where visitors come from is told otherwise from now on", lambda one: one.web),
    "ropo": ("research and store contacts are other touchpoints: reports show it at once", lambda one: one.ropo),
    "identity": ("who is one person is told otherwise from now on", lambda one: one.identity),
}


def _others(old: Catalogue, new: Catalogue) -> Iterator[Difference]:
    for place, (says, part) in _OTHERS.items():
        if part(old) != part(new):
            yield Difference(place, says, "nothing")


def _names(old: Mapping[str, object], new: Mapping[str, object]) -> Iterable[str]:
    return dict.fromkeys(chain(old, new))


def _changed_fields(old: BaseModel, new: BaseModel) -> list[str]:
    return [field for field in type(new).model_fields if getattr(old, field) != getattr(new, field)]


def _pairs(old: BaseModel, new: BaseModel, fields: Iterable[str]) -> str:
    return ", ".join(f"{field} {_word(getattr(new, field))} (was {_word(getattr(old, field))})" for field in fields)


def _word(value: object) -> str:
    return _listed(value) if isinstance(value, tuple) else "none" if value is None else str(value)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values) or "none"
