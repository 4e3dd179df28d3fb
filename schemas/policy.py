"""What becomes of events that carry nothing but an identifier which several customers share."""

from typing import Literal

Policy = Literal["last_known", "split_at_login", "device_only"]
"""By event time: `last_known`: the customer seen with it last; before the first was seen, that first one.
`split_at_login`: the same, but what came before the first log-in stays with the identifier's own profile.
`device_only`: the identifier's own profile, always."""

POLICIES: tuple[Policy, ...] = ("last_known", "split_at_login", "device_only")
