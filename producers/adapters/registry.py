"""Every adapter that there is, by its name. One line each."""

from producers.adapters.adapter import Adapter
from producers.adapters.crm import activities, customers, segment_archive, touchpoints
from producers.adapters.email import (
    brevo,
    mailersend,
    mailgun,
    mailjet,
    mandrill,
    newsletter,
    postmark,
    resend,
    sendgrid,
    ses,
    sparkpost,
)
from producers.adapters.hotline import (
    asterisk_cdr,
    asterisk_queue,
    calls,
    chats,
    genesys,
    tickets,
    twilio,
    zendesk,
)
from producers.adapters.social import mentions
from producers.adapters.store import footfall, loyalty_scans, pos_csv, pos_json, poslog
from producers.adapters.survey import delighted, formbricks, reviews, surveys, typeform
from producers.adapters.web.snowplow import adapter as snowplow

_MAIL = (brevo, mailersend, mailgun, mailjet, mandrill, newsletter, postmark, resend, sendgrid, ses, sparkpost)
_ASKED = (delighted, formbricks, reviews, surveys, typeform)
_SERVICE = (asterisk_cdr, asterisk_queue, calls, chats, genesys, tickets, twilio, zendesk)
_STORE = (footfall, loyalty_scans, pos_csv, pos_json, poslog)
_KNOWN = (activities, customers, segment_archive, touchpoints)

_ALL: tuple[Adapter, ...] = (
    *(one.ADAPTER for one in _MAIL),
    snowplow.ADAPTER,
    *(one.ADAPTER for one in _STORE),
    *(one.ADAPTER for one in _SERVICE),
    *(one.ADAPTER for one in _ASKED),
    *(one.ADAPTER for one in _KNOWN),
    mentions.ADAPTER,
)

ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in _ALL}
