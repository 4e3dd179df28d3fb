"""Room that several holders share, so that one who takes all he can get leaves room for the others."""

from collections.abc import Hashable


class FairShare:
    """`most` places, or bytes. Half of them go to whoever comes; the other half to those with less than an even share.

    An even share is reckoned as if one more holder were there. So a holder alone gets half, and a newcomer always
    finds something, however many the others want.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[Hashable, int] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """What is taken by all."""
        return self._total

    def take(self, holder: Hashable, amount: int = 1) -> bool:
        """Take room; False where the holder must wait. The first one in gets what he asks for, whatever it is."""
        mine = self._taken.get(holder, 0)
        after = self._total + amount
        if self._total and after * 2 > self._most:
            others = len(self._taken) - (1 if mine else 0)
            if after > self._most or mine + amount > max(1, self._most // (others + 2)):
                return False
        self._taken[holder] = mine + amount
        self._total = after
        return True

    def give_back(self, holder: Hashable, amount: int = 1) -> None:
        """Give room back that was taken."""
        left = self._taken.get(holder, 0) - amount
        self._total -= amount
        if left > 0:
            self._taken[holder] = left
        else:
            self._taken.pop(holder, None)
