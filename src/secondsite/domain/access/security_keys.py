"""Security keys as a second factor (WebAuthn): where they can be used, and when one may have been copied.
Pure."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime

from .. import errors

MOST_KEYS = 10


@dataclass(frozen=True, slots=True)
class SecurityKey:
    """A security key of one person. `host`: the vault's name for which it was made, and counts; `credential`:
    its id and public key, in base64; `uses`: how often it said that it was used, 0 if it does not count."""

    id: str
    name: str
    host: str
    credential: str
    uses: int
    created_at: datetime
    last_used_at: datetime | None = None


def host_named(said: str) -> str:
    """The name by which a browser reached the vault, from what it says of that: HOST or HOST:PORT. Raises
    NotPossibleNow for an address."""
    host = said.rpartition("]")[0].lstrip("[") if said.startswith("[") else said.partition(":")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host:
            return host.lower()
    raise errors.NotPossibleNow(
        f"The browser reached the vault at the address {host or said}: security keys are made for a name, "
        "and work at an address in no browser.",
        do="Open the vault by its name, or use an app for codes.",
    )


def is_copied(before: int, now: int) -> bool:
    """Whether a key that has been used `before` times so often, and says `now`, may be a copy. Keys that do
    not count say 0 each time."""
    return now <= before and (now, before) != (0, 0)
