"""The catalogue's section on identity as the nodes ask it: times in microseconds, kinds as sets."""

from schemas.catalogue import Cap, IdentitySettings
from schemas.policy import POLICIES, Policy
from streams.core.clock import MINUTE
from streams.core.identity.label import kind_of

#: A link that only unverified events have said is so much longer than one that a trusted source has said.
UNVERIFIED_WEIGHT = 1000

POLICY_NUMBER: dict[Policy, int] = {policy: number for number, policy in enumerate(POLICIES)}


class IdentityRules:
    """`IdentitySettings`, compiled."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._settings = settings
        self._unique = frozenset(settings.unique)
        self._caps: dict[str, Cap] = {}
        self._policies: dict[str, int] = {}
        self.usual_policy = POLICY_NUMBER[settings.policy]
        self.stretch = settings.sighting_minutes * MINUTE
        self.max_sightings = settings.max_sightings
        self.max_hops = settings.max_hops
        self.block_list = frozenset(settings.block)
        self.unverified_join = settings.public_links != "none"
        self.unverified_count_fully = settings.public_links == "full"

    def is_unique(self, key: str) -> bool:
        """Say whether one person has one identifier of this kind."""
        return kind_of(key) in self._unique

    def policy(self, source: str) -> int:
        """Give the number of the policy for a source's events."""
        found = self._policies.get(source)
        if found is None:
            found = POLICY_NUMBER[self._settings.policy_of(source)]
            if len(self._policies) < 10_000:  # sources are configured, but nothing here holds a foreign writer to that
                self._policies[source] = found
        return found

    def cap(self, key: str) -> Cap:
        """Give the cap of an identifier."""
        kind = kind_of(key)
        found = self._caps.get(kind)
        if found is None:
            found = self._settings.cap_of(kind)
            if len(self._caps) < 10_000:
                self._caps[kind] = found
        return found
