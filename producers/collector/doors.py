"""Every door, page and admin door of the collector. To add one: its module, and one line here."""

from producers.collector import hooks, identity_door, pages, sdk_start, segment_door, snippet, snowplow
from producers.collector.door import AdminDoor, Door, Page

DOORS: tuple[Door, ...] = (
    *segment_door.DOORS,
    *snowplow.DOORS,
    *hooks.DOORS,
)

ADMIN_DOORS: tuple[AdminDoor, ...] = identity_door.ADMIN_DOORS

PAGES: tuple[Page, ...] = (*pages.PAGES, *sdk_start.PAGES, *snippet.PAGES)
