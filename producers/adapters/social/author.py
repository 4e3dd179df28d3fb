"""Who wrote in public: a name on a network is an identifier of its own kind, weaker than every other."""

from producers.adapters.loose import Loose
from schemas.identifier import Identifier, is_pseudonym

_HANDLE = ("handle", "author_handle", "username", "user_name", "screen_name", "author_id", "author", "user", "user_id")


def author_of(row: Loose, network: str | None) -> list[Identifier]:
    """Give `handle:<network>:<name>`, in lower case; nothing where the network or the name is not told.

    A name alone is nobody's: the same one is another person on another network.

    Raises:
        Problem: the name is no text.
    """
    name = row.text(*_HANDLE, limit=200)
    if name is None or network is None:
        return []
    if is_pseudonym(name):  # quarantine has hidden name and network together
        return [Identifier(kind="handle", value=name)]
    return [Identifier(kind="handle", value=f"{network.lower()}:{name.lower().removeprefix('@')}")]
