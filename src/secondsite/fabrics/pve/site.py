"""A cluster of Proxmox VE as a site, as far as it goes: machines, their power and networks, our tag on them.

It is no whole fabric: it makes no machines and no networks, reads no firmware state, and asks no guest agent.
Views of disks it opens only where it is told what they need (`cycles`). So nobody can choose it."""

from __future__ import annotations

from ..interface import Properties
from .access import Access
from .connection import Connection
from .cycles import PveTracking, Replicated
from .definition import KIND
from .inventory import PveInventory
from .machines import Machines
from .networks import PveNetworks
from .power import PvePower
from .tagging import PveTags, nothing_first


class PveSite:
    """Raises NotPossibleNow and InvalidArgument for an access that cannot be used; dials at the first
    question."""

    def __init__(self, access: Access, replicated: Replicated | None = None) -> None:
        self._connection = Connection(access)
        machines = Machines(self._connection)
        self.properties = Properties(
            kind=KIND,
            accelerated=True,
            networks=False,
            lists="qm list",
            vetoes=False,
            notes=(
                "The owner of a machine can start it at its old site: Proxmox VE lets no API token forbid "
                "that.",
            ),
        )
        self.inventory = PveInventory(machines)
        tags = PveTags(self._connection, machines)
        self._cycles = PveTracking(self._connection, machines, tags, replicated) if replicated else None
        self.tracking = self._cycles or tags
        tags.first = before = self._cycles.end if self._cycles else nothing_first
        self.power = PvePower(self._connection, machines, tags, before)
        self.networks = PveNetworks(self._connection)

    def close(self) -> None:
        if self._cycles is not None:
            self._cycles.close()
        self._connection.close()
