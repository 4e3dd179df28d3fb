"""Labels: who an identifier belongs to, and which of two labels is the better one.

A path-vector protocol, as routers speak it (RFC 4271; why it settles: Griffin, Shepherd and Wilfong, The Stable Paths
Problem, 2002): a label carries the way to the identifier that names it, a node takes the best one that does not lead
over itself, and a longer way is always worse. So there is one end state, whatever came first, and a link that is taken
away changes just what hung on it.
"""

import msgspec

from schemas.identifier import strength

#: The distance of a label without an anchor.
UNANCHORED = -1


class Label(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """`named` names the profile; `way` are the identifiers behind it up to the one whose label it is.

    `distance` is the weight of the way, `UNANCHORED` where `named` is the least identifier of a component without an
    anchor. `made`: a person's decision made `named` an anchor.
    """

    named: str
    distance: int
    made: bool = False
    way: tuple[str, ...] = ()


Order = tuple[bool, int, bool, tuple[int, str], str, int, tuple[str, ...]]


def kind_of(key: str) -> str:
    """Give the kind of an identifier `kind:value`."""
    return key.partition(":")[0]


def order_of(label: Label) -> Order:
    """Give the label's place: the least is the best."""
    return (
        label.distance == UNANCHORED,
        label.distance,
        label.made,
        strength(kind_of(label.named)),
        label.named,
        len(label.way),
        label.way,
    )


def extended(label: Label, weight: int, key: str, max_hops: int) -> Label | None:
    """Give the label as the neighbour `key` may take it over a link of that weight; None: it may not."""
    if key == label.named or key in label.way or len(label.way) >= max_hops:
        return None
    distance = label.distance if label.distance == UNANCHORED else label.distance + weight
    return Label(label.named, distance, label.made, (*label.way, key))
