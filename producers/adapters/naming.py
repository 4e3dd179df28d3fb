"""Fields that name a person, by what senders call them: which kind of identifier stands in them.

Of the adapters' own providers, and of what people call their columns. Quarantine looks here for what it must hide;
what a person is found by is each adapter's own matter.
"""

from producers.adapters.loose import ANONYMOUS, CUSTOMER, DEVICE, EMAIL, LOYALTY, PHONE, folded

_NAMES: dict[str, tuple[str, ...]] = {
    "customer": (
        *CUSTOMER,
        *("uid", "user", "user_name", "username", "external_id", "external_customer_id", "customer_ref", "client_id"),
        *("crm_id", "account_number", "participant_id", "participant_external_contact_id", "external_contact_id"),
    ),
    "loyalty": (*LOYALTY, "card", "card_number", "loyalty_account_id", "account_identifier", "member_id"),
    "email": (
        *EMAIL,
        *("recipient", "recipients", "rcpt", "rcpt_to", "rcpt_meta_email", "raw_rcpt_to", "to", "cc", "bcc", "address"),
        *("original_recipient", "final_recipient", "destination", "email_id", "subscriber", "contact", "requester"),
    ),
    "phone": (
        *PHONE,
        *("caller", "caller_id", "caller_number", "calling_number", "from", "ani", "src", "clid", "called", "callee"),
        *("called_number", "to", "dnis", "dst", "address", "address_from", "address_to", "address_self", "wa_id"),
        *("address_other", "remote", "number", "customer_number", "customer_phone", "contact_phone", "forwarded_from"),
        *("sms_number", "tel", "cell", "cellphone", "number_from", "number_to"),
    ),
    "device": (*DEVICE, "idfa", "idfv", "gaid", "advertising_id", "device_token"),
    "anonymous": (
        *ANONYMOUS,
        *("previous_id", "duid", "nuid", "tnuid", "sid", "domain_userid", "network_userid", "session_id"),
        *("ajs_anonymous_id", "rl_anonymous_id", "visitor", "client_session"),
    ),
    "handle": ("handle", "author_handle", "screen_name", "author_id", "author"),
    "zendesk_user": ("requester_id", "submitter_id", "end_user_id"),
}
#: (What stands around it, its own name) → kind, where the name alone says nothing.
NESTED: dict[tuple[str, str], str] = {
    ("visitor", "id"): "zendesk_visitor",
    ("requester", "id"): "zendesk_user",
    ("user", "id"): "customer",
    ("customer", "id"): "customer",
    ("person", "id"): "customer",
}
#: What stands beside a handle: the network where the name is somebody's.
NETWORKS = ("network", "platform", "site", "portal", "channel_name")

#: Folded name → kinds that may stand there.
NAMED: dict[str, tuple[str, ...]] = {}
for _kind, _names in _NAMES.items():
    for _name in _names:
        for _way in (folded(_name), folded(f"identifier.{_name}")):
            if _kind not in NAMED.get(_way, ()):
                NAMED[_way] = (*NAMED.get(_way, ()), _kind)
for _kind in _NAMES:
    NAMED.setdefault(folded(f"identifier.{_kind}"), (_kind,))
