"""Who a service works as: the owner of its home, never root by mistake."""

import os
from pathlib import Path

DEFAULT_VAULT_HOME = Path("/var/lib/secondsite/vault")
DEFAULT_APPLIANCE_HOME = Path("/var/lib/secondsite/appliance")
"""As systemd makes them for the service."""


def become_owner(home: Path) -> None:
    """root goes on as the owner of a home that is another user's: what it makes there can be read by the service, and
    what the service wrote steers no root. Harmless for anybody else, and for a home that is not there yet."""
    if os.geteuid() != 0 or not home.exists():
        return
    owner = home.stat()
    if owner.st_uid == 0:
        return
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    os.environ["HOME"] = str(home)  # libpq reads .pgpass there, under systemd too
