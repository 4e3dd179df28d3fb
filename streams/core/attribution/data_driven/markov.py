"""Markov attribution of order 1 to 3: a name's weight is its removal effect, as a part of all of them."""

from __future__ import annotations

from streams.core.attribution.data_driven.paths import Paths
from streams.core.attribution.data_driven.removal import Removal, removal
from streams.core.attribution.data_driven.walks import walks


def markov(paths: Paths, order: int = 1) -> Removal:
    """Give the removal effects of all names in the chain of the order (1 to 3) that the paths make.

    Raises:
        PathError: another order, or too many names for it.
    """
    return removal(walks(paths, order).count())
