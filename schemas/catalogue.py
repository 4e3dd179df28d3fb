"""The catalogue: touchpoints, phases, channels, departments, conversions and windows, as data that a marketer can read.

One TOML file. What ships is `schemas/catalogue.toml`; a file of one's own replaces it whole. A bad file is refused with
the line and the reason.
"""

import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from schemas.attributing import AttributionSettings
from schemas.base import Name
from schemas.catalogue_words import told
from schemas.converting import ConversionEntry, CurrencySettings
from schemas.policy import Policy
from schemas.rates import RatesError, read_rates
from schemas.section import Pattern, Section

DEFAULT = Path(__file__).with_name("catalogue.toml")
Days = Annotated[int, Field(ge=0, le=3650)]
StoreColumn = Literal[
    "store_id",
    "till",
    "receipt",
    "timestamp",
    "loyalty_id",
    "product",
    "category",
    "quantity",
    "value",
    "currency",
    "original_receipt",
    "original_store",
    "original_till",
    "original_date",
]
"""What a receipt line may say, by our names; `schemas/catalogue.toml` explains them."""


class CatalogueError(ValueError):
    """The catalogue file cannot be used. The message says file, line and reason."""


class TouchpointEntry(Section):
    """One touchpoint: what people call it, where it stands in the journey, and whether it may earn credit."""

    label: str
    phase: str
    channel: Name
    department: str
    credit: bool = False
    """May it earn credit by itself? Web and app events do so through their visit, whatever is said here."""
    visit: bool = False
    """Is it part of a web or app visit?"""
    events: tuple[str, ...] = ()
    """The senders' names for it (`Order Completed`), compared without case, blanks and underscores."""


class JourneySettings(Section):
    """When a visit and a journey end, and how much of a profile is kept."""

    visit_gap_minutes: int = Field(default=30, ge=1, le=24 * 60)
    inactivity_days: Days = 30
    after_sales_days: Days = 14
    max_touchpoints: int = Field(default=1000, ge=10, le=100_000)


class StoreSettings(Section):
    """How the tills write their receipts, where that cannot be seen from the file."""

    columns: dict[StoreColumn, str | tuple[str, ...]] = Field(default_factory=dict)
    """Our name of a column and the heading that the tills give it; several headings are joined by a blank."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """None: the most frequent of comma, semicolon, tab and bar in the heading."""
    decimal_comma: bool | None = None
    """Is `12,99` a number? None: where the comma does not part the columns."""
    date_format: str | None = None
    """Of times, in the letters of strptime (`%m/%d/%Y %I:%M %p`). None: ISO 8601, or days first with dots."""


class ChannelRule(Section):
    """One rule: everything that it says must be so. Texts are regular expressions for the whole value, lower case."""

    channel: Name
    medium: Pattern | None = None
    """utm_medium."""
    source: Pattern | None = None
    """utm_source."""
    click_ids: tuple[str, ...] = ()
    """One of these stands in the page's address: gclid."""
    referrers: tuple[Literal["search", "social", "ai", "other"], ...] = ()
    """The visitor came from another site, of one of these kinds."""
    sites: tuple[str, ...] = ()
    """The visitor came from one of these sites, or a subdomain of one."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.medium or self.source or self.click_ids or self.referrers or self.sites):
            raise ValueError("a rule must say at least one of medium, source, click_ids, referrers, sites")
        return self


class WebSettings(Section):
    """Where visitors of web and app come from. The first rule that fits gives the channel; without one it stays."""

    own_domains: tuple[str, ...] = ()
    """Our other domains: a visitor who comes from one of them comes from nowhere. The page's own host always counts."""
    never_referrers: tuple[str, ...] = ()
    """Where one pays or logs in, and comes back."""
    rules: tuple[ChannelRule, ...] = ()


Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]


class Cap(Section):
    """How many others an identifier may be seen with before it is blocked: then it is no person's."""

    links: int = Field(default=200, ge=1, le=10_000)
    """Identifiers of any kind."""
    customers: int = Field(default=10, ge=1, le=10_000)
    """Identifiers of unique kinds."""


class IdentitySettings(Section):
    """Who is one person: what names a customer, what joins, and what must not."""

    unique: tuple[Kind, ...] = Field(default=("customer",), min_length=1)
    """Kinds of which one person has one: two of them never end in one profile, unless a person says so."""
    policy: Policy = "last_known"
    """For events that carry only an identifier that several customers share."""
    policies: dict[str, Policy] = Field(default_factory=dict)
    """By source, where it is another one: a kiosk's, for instance."""
    sighting_minutes: int = Field(default=5, ge=1, le=24 * 60)
    """So far apart are the times at which a customer was seen with an identifier kept: the first of each stretch."""
    max_sightings: int = Field(default=256, ge=2, le=10_000)
    """The newest that are kept of an identifier."""
    max_hops: int = Field(default=8, ge=1, le=64)
    """So long may a chain be from the identifier that names a profile to one of its identifiers."""
    public_links: Literal["weak", "full", "none"] = "weak"
    """What an event sent with a public key may join: `weak` gives way to everything that a trusted source says, `full`
    counts like it."""
    cap: Cap = Cap()
    caps: dict[Kind, Cap] = Field(default_factory=lambda: {"customer": Cap(links=1000)})
    """By kind of the identifier, where it is another one."""
    block: tuple[str, ...] = ()
    """Identifiers, `kind:value`, that join nobody: the agents' own address, a shop's telephone."""

    def policy_of(self, source: str) -> Policy:
        """Give the policy for events of a source."""
        return self.policies.get(source, self.policy)

    def cap_of(self, kind: str) -> Cap:
        """Give the cap of identifiers of a kind."""
        return self.caps.get(kind, self.cap)


class RopoSettings(Section):
    """Research online, purchase offline, and its reverse: which touchpoints are looked for before a purchase.

    Names that nobody has written down need not be in the catalogue; parts (`page_view.top`) count with their whole.
    """

    research: tuple[Name, ...] = (
        *("page_view", "screen_view", "product_viewed", "product_list_viewed", "product_clicked", "products_searched"),
        *("promotion_viewed", "promotion_clicked", "product_added", "cart_viewed", "price_comparison"),
    )
    """Online, before a purchase in a branch: visits, searches, comparisons."""
    store_contacts: tuple[Name, ...] = ("branch_visit", "sales_talk")
    """In a branch, before a purchase online; no purchases, and no calls."""


class Catalogue(Section):
    """The whole catalogue, checked."""

    version: Literal[1]
    phases: tuple[str, ...] = Field(min_length=1)
    retention_phase: str
    journey: JourneySettings = JourneySettings()
    attribution: AttributionSettings = AttributionSettings()
    channels: dict[Name, str]
    touchpoints: dict[Name, TouchpointEntry]
    conversions: dict[Name, ConversionEntry]
    currencies: CurrencySettings = CurrencySettings()
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    ropo: RopoSettings = RopoSettings()
    identity: IdentitySettings = IdentitySettings()
    refunds: tuple[Name, ...] = ()
    """Touchpoints that take money back from the order that they name."""

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        self._check_touchpoints()
        self._check_web()
        self._check_conversions()
        self._check_ropo()
        self._check_consent()
        self._check_events()
        return self

    def _check_touchpoints(self) -> None:
        if self.retention_phase not in self.phases:
            raise ValueError(f"retention_phase: {self.retention_phase!r} is not one of the phases")
        for name, entry in self.touchpoints.items():
            if entry.phase not in self.phases:
                raise ValueError(f"touchpoints.{name}.phase: {entry.phase!r} is not one of the phases")
            if entry.channel not in self.channels:
                raise ValueError(f"touchpoints.{name}.channel: {entry.channel!r} is not one of the channels")

    def _check_web(self) -> None:
        for number, rule in enumerate(self.web.rules):
            if rule.channel not in self.channels:
                raise ValueError(f"web.rules.{number}.channel: {rule.channel!r} is not one of the channels")

    def _check_conversions(self) -> None:
        taken: dict[str, str] = {}
        for name, conversion in self.conversions.items():
            for touchpoint in conversion.touchpoints:
                if touchpoint not in self.touchpoints:
                    raise ValueError(f"conversions.{name}.touchpoints: there is no touchpoint {touchpoint!r}")
                if touchpoint in self.refunds:
                    raise ValueError(f"conversions.{name}.touchpoints: {touchpoint!r} takes money back (refunds)")
                if touchpoint in taken:
                    raise ValueError(
                        f"conversions.{name}.touchpoints: {touchpoint!r} already reaches {taken[touchpoint]!r}"
                    )
                if not conversion.where:
                    taken[touchpoint] = name
        for touchpoint in self.refunds:
            if touchpoint not in self.touchpoints:
                raise ValueError(f"refunds: there is no touchpoint {touchpoint!r}")

    def _check_consent(self) -> None:
        consent = self.attribution.consent
        if "decisions" in consent.model_fields_set:  # not in a catalogue that has never heard of them
            for touchpoint in consent.decisions:
                if touchpoint not in self.touchpoints:
                    raise ValueError(f"attribution.consent.decisions: there is no touchpoint {touchpoint!r}")

    def _check_ropo(self) -> None:
        for field in sorted(self.ropo.model_fields_set):
            for touchpoint in getattr(self.ropo, field):
                if touchpoint not in self.touchpoints:
                    raise ValueError(f"ropo.{field}: there is no touchpoint {touchpoint!r}")
        if both := sorted(set(self.ropo.research) & set(self.ropo.store_contacts)):
            raise ValueError(f"ropo.research: {both[0]!r} is one of store_contacts as well")

    def _check_events(self) -> None:
        seen: dict[str, str] = {}
        for name, entry in self.touchpoints.items():
            for event in entry.events:
                other = seen.setdefault(_folded(event), name)
                if other != name:
                    raise ValueError(f"touchpoints.{name}.events: {event!r} already stands for {other!r}")

    @cached_property
    def _by_event(self) -> dict[str, str]:
        names = {_folded(name): name for name in self.touchpoints}
        return names | {_folded(event): name for name, entry in self.touchpoints.items() for event in entry.events}

    @cached_property
    def conversion_of(self) -> dict[str, str]:
        """Which conversion a touchpoint reaches by its name; of several with conditions, the first of the file."""
        found: dict[str, str] = {}
        for name, entry in self.conversions.items():
            for touchpoint in entry.touchpoints:
                found.setdefault(touchpoint, name)
        return found

    @cached_property
    def monetary(self) -> frozenset[str]:
        """The names of touchpoints that bring money in or take it back; `is_monetary` knows their parts too."""
        bought = {
            touchpoint
            for entry in self.conversions.values()
            if entry.value == "amount"
            for touchpoint in entry.touchpoints
        }
        return frozenset(bought) | frozenset(self.refunds)

    def touchpoint_named(self, event: str) -> str | None:
        """Give the touchpoint that a sender's event name stands for, or None where the catalogue has none."""
        return self._by_event.get(_folded(event))

    def known(self, touchpoint: str) -> str | None:
        """Give the name by which the catalogue has a touchpoint; None: it has none.

        That of a part (`bar.drinks`) without an entry of its own is its whole's (`bar`): it earns, converts and takes
        money back as its whole does. One with an entry of its own is named by conversions and refunds itself, or not.
        """
        while touchpoint:
            if touchpoint in self.touchpoints:
                return touchpoint
            touchpoint = touchpoint.rpartition(".")[0]
        return None

    def entry(self, touchpoint: str) -> TouchpointEntry | None:
        """Give the entry of a touchpoint, or of what it is a part of; None: there is none."""
        name = self.known(touchpoint)
        return self.touchpoints[name] if name is not None else None

    def takes_back(self, touchpoint: str) -> bool:
        """Say whether a touchpoint takes money back from the order that it names."""
        return self.known(touchpoint) in self.refunds

    def is_monetary(self, touchpoint: str) -> bool:
        """Say whether a touchpoint brings money in, in one of the conversions that it may reach, or takes it back."""
        return self.known(touchpoint) in self.monetary


def slug(event: str) -> str:
    """Give the touchpoint name of an event that the catalogue does not know: `Watched Trailer!` → `watched_trailer`."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", event).lower())
    name = "_".join(words)[:100].strip("_")
    return name if name and name[0].isalpha() else f"event_{name}".strip("_")


def load(path: Path = DEFAULT) -> Catalogue:
    """Read and check a catalogue file.

    Raises:
        CatalogueError: the file is missing, no UTF-8, no TOML, or cannot be meant; with file, line and reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path}: is not UTF-8 (byte {error.start})") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{path}: {error}") from error
    try:
        return _with_rates(Catalogue.model_validate(data), path, text)
    except ValidationError as error:
        where, message = told(error.errors(include_url=False)[0])
        line = line_of(text, where)
        raise CatalogueError(f"{path}:{line}: {'.'.join(where)}: {message}") from error


def _with_rates(catalogue: Catalogue, path: Path, text: str) -> Catalogue:
    """Read the rates' file that the catalogue names."""
    file = catalogue.currencies.file(path)
    if file is None:
        return catalogue
    line = line_of(text, ["currencies", "rates"])
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as lines:
            table = read_rates(lines, catalogue.currencies.base)
    except OSError as error:
        raise CatalogueError(f"{path}:{line}: currencies.rates: {file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path}:{line}: currencies.rates: {file}: is not UTF-8") from error
    except RatesError as error:
        raise CatalogueError(f"{file}:{error.line}: {error}") from error
    reporting = catalogue.currencies.reporting
    if reporting not in table.currencies:
        raise CatalogueError(f"{path}:{line}: currencies.rates: {file} has no rate for {reporting}")
    return catalogue.model_copy(update={"currencies": catalogue.currencies.with_table(table)})


def line_of(text: str, path: list[str]) -> int:
    """Give the line (from 1) of the deepest part of `path` that a TOML text has; 1 where it has none of it."""
    best, best_depth, section = 1, 0, list[str]()
    tables: dict[str, int] = {}  # how many of each list of tables have begun
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if header := re.match(r"\[+\s*([^\]]+?)\s*\]+", stripped):
            section = _parts(header[1])
            if stripped.startswith("[["):
                tables[header[1]] = tables.get(header[1], -1) + 1
                section.append(str(tables[header[1]]))
            candidate = section
        elif assignment := re.match(r"([A-Za-z0-9_\-\"'. ]+?)\s*=", stripped):
            candidate = section + _parts(assignment[1])
        else:
            continue
        if len(candidate) > best_depth and candidate == path[: len(candidate)]:
            best, best_depth = number, len(candidate)
    return best


def _parts(dotted: str) -> list[str]:
    return [quoted or bare for quoted, bare in re.findall(r"[\"']([^\"']+)[\"']|([^.\s\"']+)", dotted)]


def _folded(event: str) -> str:
    return re.sub(r"[\s_\-]+", "", event).lower()
