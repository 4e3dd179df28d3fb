"""Every door and page of the collector. To add one: its module, and one line here."""

from producers.collector import hooks, pages, sdk_start, segment_door, snippet, snowplow
from producers.collector.door import Door, Page

DOORS: tuple[Door, ...] = (
    *segment_door.DOORS,
    *snowplow.DOORS,
    *hooks.DOORS,
)

PAGES: tuple[Page, ...] = (*pages.PAGES, *sdk_start.PAGES, *snippet.PAGES)
