"""A raw disk that QEMU reads over the network by a driver of its own, so that no file or device of this host
leads to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, quote, unquote, urlencode

ISCSI: Final = "iscsi"
RBD: Final = "rbd"
DRIVERS: Final = (ISCSI, RBD)
ANSWER_SECONDS: Final = 10
"""How long a portal may take for one answer; without this QEMU waits for ever."""


@dataclass(frozen=True, slots=True)
class NetworkDisk:
    """Where the disk is: at one of `servers` ('host:port'), as `name`: 'TARGET/LUN' of iSCSI, 'POOL/IMAGE' or
    'POOL/NAMESPACE/IMAGE' of RBD. `user`: the initiator's name, or Ceph's user; empty: QEMU's own."""

    driver: str
    name: str
    servers: tuple[str, ...]
    user: str = ""
    conf: str = field(default="", compare=False)
    """The file that librbd is configured by, which need not say who reads the disk; empty: Ceph's own."""

    def __str__(self) -> str:
        """As people and records name it; `parse` reads it."""
        query = f"?{urlencode({'user': self.user})}" if self.user else ""
        return f"{self.driver}://{','.join(self.servers)}/{quote(self.name, safe='/:')}{query}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What `str` wrote; None for anything else, such as a path."""
        driver, found, rest = text.partition("://")
        if not found or driver not in DRIVERS:
            return None
        place, _, query = rest.partition("?")
        servers, _, name = place.partition("/")
        [user] = parse_qs(query).get("user", [""])[:1]
        named = tuple(each for each in servers.split(",") if each)
        return cls(driver, unquote(name), named, user)

    @property
    def identity(self) -> str:
        """What it is, whichever server it is reached by."""
        return f"{self.driver}:{self.name}"

    def options(self) -> dict[str, Any]:
        """Arguments of blockdev-add for its bytes."""
        return self._of_iscsi() if self.driver == ISCSI else self._of_rbd()

    def _of_rbd(self) -> dict[str, Any]:
        """The servers, a password and deadlines are in `conf`: QEMU takes no deadlines."""
        pool, *namespace, image = self.name.split("/")
        given = {"user": self.user, "conf": self.conf, "namespace": "/".join(namespace)}
        named = {key: value for key, value in given.items() if value}
        return {"driver": RBD, "pool": pool, "image": image, **named}

    def _of_iscsi(self) -> dict[str, Any]:
        target, _, lun = self.name.rpartition("/")
        return {
            "driver": ISCSI, "transport": "tcp", "portal": self.servers[0], "target": target,
            "lun": int(lun), "timeout": ANSWER_SECONDS,
            **({"initiator-name": self.user} if self.user else {}),
        }  # fmt: skip

    def filename(self) -> str:
        """How a QEMU program is told to open it as a raw disk."""
        return f"json:{json.dumps({'driver': 'raw', 'file': self.options()})}"


DiskLocation = Path | NetworkDisk
"""Where a disk is: a file or block device of this host, or a disk that QEMU reads over the network."""
