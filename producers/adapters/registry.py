"""Every adapter that there is, by its name. One line each."""

from producers.adapters.adapter import Adapter
from producers.adapters.email import postmark
from producers.adapters.store import pos_csv
from producers.adapters.web.snowplow import adapter as snowplow

_ALL: tuple[Adapter, ...] = (postmark.ADAPTER, snowplow.ADAPTER, pos_csv.ADAPTER)

ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in _ALL}
