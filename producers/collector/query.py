"""The query of a request, with every byte in it that may not stand in an address percent-encoded.

Some senders write raw UTF-8 or Latin-1 there, and servers hand it on. Reading such an address would fail.
"""

import re

_BAD = re.compile(rb"[^\x21-\x7e]")


def plain_query(query: bytes) -> bytes:
    """Give the query in ASCII; one that is good already comes back as it is."""
    return query if query.isascii() else _BAD.sub(lambda found: b"%%%02X" % found[0][0], query)
