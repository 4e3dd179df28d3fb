"""Every adapter that there is, by its name. One line each."""

from producers.adapters.adapter import Adapter
from producers.adapters.email import postmark

_ALL: tuple[Adapter, ...] = (postmark.ADAPTER,)

ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in _ALL}
