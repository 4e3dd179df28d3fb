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
    scaled = [total * weight for weight in weights]
    parts = [each // whole for each in scaled]
    left = total - sum(parts)
    if left:
        remainders = [each % whole for each in scaled]
        # A sort in reverse keeps the order of equals too.
        for index in sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)[:left]:
            parts[index] += 1
    return parts
