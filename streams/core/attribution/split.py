"""Split a whole number by weights so that the parts add up exactly: the method of largest remainders.

Source: Hamilton's method of apportionment (Balinski and Young, Fair Representation, 1982).
"""

from collections.abc import Sequence


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` by `weights`; what is left over goes to the largest remainders, ties to the earlier.

    `total` may be negative: the parts of -n are those of n with the other sign.

    Raises:
        ValueError: no weights, a negative weight, or weights that sum to 0.
    """
    if total < 0:
        return [-part for part in split(-total, weights)]
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(f"weights must be non-negative and not all 0: {weights!r}")
    parts = [0] * len(weights)
    remainders = [0] * len(weights)
    for index, weight in enumerate(weights):
        parts[index], remainders[index] = divmod(total * weight, whole)
    left = total - sum(parts)
    if left:
        for index in sorted(range(len(weights)), key=lambda index: -remainders[index])[:left]:
            parts[index] += 1
    return parts
