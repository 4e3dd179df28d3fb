"""Who may use the door: one user, and without a password only programs on this machine. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.local.door.call import Call
from deploy.local.door.errors import DoorError

LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Access:
    """The user that may come in; an empty password means that none is asked for."""

    user: str = "default"
    password: str = ""

    def check_caller(self, headers: Mapping[str, str]) -> None:
        """Refuse a web page of somebody else; raises `DoorError`.

        Without a password any page open in a browser on this machine could post statements to 127.0.0.1, or
        read answers through a host name that it points there. Programs send no Origin and the real host.
        """
        if self.password:
            return
        host = urlsplit(f"//{headers.get('host', '127.0.0.1')}").hostname
        if host not in LOOPBACK_NAMES:
            raise DoorError(497, "ACCESS_DENIED", f"Without a password the door answers to 127.0.0.1 only, not {host}")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            raise DoorError(497, "ACCESS_DENIED", f"Without a password the door does not answer pages of {origin}")

    def check_user(self, call: Call) -> None:
        """Refuse a wrong name or password; raises `DoorError`."""
        name_fits = hmac.compare_digest(call.user.encode(), self.user.encode())
        password_fits = hmac.compare_digest(call.password.encode(), self.password.encode())
        if not (name_fits and password_fits):
            what = f"{call.user}: Authentication failed: password is incorrect, or there is no user with such name."
            raise DoorError(516, "AUTHENTICATION_FAILED", what)
