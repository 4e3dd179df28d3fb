"""The command `touchpath profile`: the Customer 360 of one person."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from deploy.cli.exits import CommandError, Exit
from deploy.cli.options import ConfigOption, JsonOption, PhoneRegionOption, checked_catalogue, settings_of
from deploy.cli.output import Format, chosen, json_out, say
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.identity_store import IdentityStore
    from deploy.profile_store import Heir, ProfileStore
    from deploy.profile_story import Contact, Customer
    from deploy.settings import Settings

SHOWN_HEIRS = 10


def profile(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="An identifier, email:ada@example.org, or the id of a profile.")
    ],
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many journeys, conversions, contacts.")] = 10,
    phone_region: PhoneRegionOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show all that is known of a customer, over all channels.

    Identifiers, attributes (the last word on each by event time), segments, consent, journeys, conversions, value,
    complaints, and the newest contacts. The id of a profile that was merged into another leads to that one. What
    several customers share leads to the one of its newest events; `touchpath identity show KEY` says who had it when.

      touchpath profile email:ada@example.org
      touchpath profile "phone:030 1234567" --phone-region DE
      touchpath profile 7d3c9a52-1c0b-5a37-8d40-52a4f1c2b6aa --limit 50
      touchpath profile customer:4711 --json | jq .value
    """
    from schemas.erasure import NOBODY

    settings = settings_of(config)
    with _stores(settings) as (identities, profiles):
        profile_id = _id_of(key)
        if profile_id == NOBODY:
            raise CommandError(
                f"profile {NOBODY} is nobody: it stands for all customers who were erased, and nothing leads back",
                Exit.USAGE,
            )
        if profile_id is None:
            profile_id = _home_of(settings, identities, key, phone_region)
            customer = profiles.customer(profile_id, limit)
        else:
            customer = profiles.customer(profile_id, limit) or _heir_of(profiles, profile_id, limit)
        erased = profiles.erased(customer.profile_id if customer is not None else profile_id)
    if erased is not None:
        what = f"was erased on {erased:%Y-%m-%d}: what had come of it by then is nobody's now, in every total"
        if customer is None:
            raise CommandError(f"{key.strip()} {what}")
        say(f"profile {customer.profile_id} {what}")
    if customer is None:
        raise CommandError(
            f"nothing is known of {key.strip()}; `touchpath settle` waits until all that was accepted can be asked for"
        )
    if as_json:
        json_out(customer.as_json())
    else:
        tell(customer, chosen())


def _id_of(key: str) -> UUID | None:
    try:
        return UUID(key.strip())
    except ValueError:
        return None


def _home_of(settings: Settings, identities: IdentityStore, key: str, region: str | None) -> UUID:
    from producers.identity_text import identifier_of

    try:
        identifier = identifier_of(key, settings.identifiers.rules(), region).key
    except ValueError as error:
        raise CommandError(f"KEY: {error}; the id of a profile does as well", Exit.USAGE) from error
    home = identities.home(identifier)
    if home is None:
        near = identities.near(identifier)
        raise CommandError(
            f"nothing is known of {identifier}"
            + (f"; there is {', '.join(near)}" if near else "")
            + "; `touchpath settle` waits until all that was accepted can be asked for"
        )
    others = {one.named_by for one in identities.stretches(identifier)} - {home.named_by}
    if others:
        say(
            f"{identifier} is shared: its newest events are those of {home.named_by}, others of"
            f" {', '.join(sorted(others)[:SHOWN_HEIRS])}; touchpath identity show {identifier} says who had it when"
        )
    return home.profile_id


def _heir_of(profiles: ProfileStore, profile_id: UUID, limit: int) -> Customer | None:
    """Follow a profile that is no more to the one that has the identifier that named it."""
    heirs = profiles.heirs(profile_id)
    if not heirs:
        return None
    first = heirs[0]
    if len(heirs) > 1 and not first.has_its_name:
        raise CommandError(
            f"profile {profile_id} is no more, and its identifiers went to several: " + _several(heirs), Exit.USAGE
        )
    say(f"profile {profile_id} is no more: it went to {first.profile_id}, named by {first.named_by}")
    if len(heirs) > 1:
        say(f"some of its identifiers went elsewhere: {_several(heirs[1:])}")
    return profiles.customer(first.profile_id, limit)


def _several(heirs: list[Heir]) -> str:
    said = [f"{one.profile_id} (has {', '.join(one.identifiers[:3])})" for one in heirs[:SHOWN_HEIRS]]
    return ", ".join(said) + (f" and {len(heirs) - SHOWN_HEIRS} more" if len(heirs) > SHOWN_HEIRS else "")


def tell(customer: Customer, form: Format) -> None:
    """Print a customer, section by section; what there is nothing of is left out."""
    from deploy.cli.identity_text import at, counted, section

    figures = customer.figures
    value = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(figures.value.items()))
    counts = {"touchpoints": figures.touchpoints, "journeys": figures.journeys, "conversions": figures.conversions}
    facts = {
        "profile": f"{customer.profile_id}" + (f", named by {customer.named_by}" if customer.named_by else ""),
        "in it": counted({**counts, "complaints": len(customer.complaints)}),
        "value": value and f"{value}, net",
        "contacts": f"{at(figures.first_contact)} by {figures.first_channel} … {at(figures.last_contact)}"
        if figures.touchpoints
        else "",
        "segments": ", ".join(customer.segments),
    }
    for label, text in facts.items():
        if text:
            typer.echo(f"{label:<9} {text}")
    sections = (
        (
            "Identifiers",
            ("identifier", "since", "why", "shared"),
            [(m.identifier, at(m.since), str(m.why), "yes" if m.shared else "") for m in customer.identifiers],
        ),
        (
            "Attributes",
            ("attribute", "value", "since", "source"),
            [(a.name, a.value, at(a.written_at), _said_by(a.source, a.verified)) for a in customer.attributes],
        ),
        (
            "Consent",
            ("purpose", "allowed", "said at", "by"),
            [
                (c.purpose, "yes" if c.allowed else "no", at(c.said_at), f"{c.touchpoint} of {c.source}")
                for c in customer.consent
            ],
        ),
        (
            "Journeys",
            ("opened", "last", "status", "touchpoints", "conversions", "channels", "first", "last contact"),
            [
                (
                    at(j.opened_at), at(j.last_at), j.status, j.touchpoints, j.conversions, " > ".join(j.channels),
                    j.first_touchpoint, j.last_touchpoint,
                )
                for j in customer.journeys
            ],
        ),
        (
            "Conversions",
            ("at", "conversion", "channel", "order", "net", "gross", "currency"),
            [
                (
                    at(c.occurred_at), c.conversion, c.channel, c.order_id,
                    c.net if c.currency else None, c.gross if c.currency else None,
                    _said_by(c.currency, c.verified),
                )
                for c in customer.conversions
            ],
        ),
        ("Complaints", CONTACT, [_contact(one) for one in customer.complaints]),
        ("Newest contacts", CONTACT, [_contact(one) for one in customer.contacts]),
    )  # fmt: skip
    for title, columns, rows in sections:
        if rows:
            section(title, columns, rows, form)


CONTACT = ("at", "touchpoint", "channel", "source", "campaign", "order", "amount", "currency")


def _contact(one: Contact) -> tuple[object, ...]:
    from deploy.cli.identity_text import at

    return (
        at(one.occurred_at), one.touchpoint, one.channel, one.source, one.campaign, one.order_id, one.amount,
        one.currency,
    )  # fmt: skip


def _said_by(text: str, verified: bool) -> str:
    return text if verified else f"{text} (not verified)".strip()


@contextmanager
def _stores(settings: Settings) -> Iterator[tuple[IdentityStore, ProfileStore]]:
    from deploy.identity_store import IdentityStore
    from deploy.profile_store import ProfileStore

    rules = checked_catalogue(settings).identity
    with tables_of(settings, patient=False) as store:
        identities = IdentityStore(store, rules)
        yield identities, ProfileStore(store, identities)
