"""Every adapter that there is, by its name. One line each."""

from producers.adapters.adapter import Adapter
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
from producers.adapters.store import pos_csv
from producers.adapters.web.snowplow import adapter as snowplow

_MAIL = (brevo, mailersend, mailgun, mailjet, mandrill, newsletter, postmark, resend, sendgrid, ses, sparkpost)

_ALL: tuple[Adapter, ...] = (*(one.ADAPTER for one in _MAIL), snowplow.ADAPTER, pos_csv.ADAPTER)

ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in _ALL}
