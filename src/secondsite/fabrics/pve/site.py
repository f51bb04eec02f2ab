"""A cluster of Proxmox VE as a site, as far as it goes: machines, their power and networks, our tag on them.

It is no whole fabric: it opens no views, makes no machines and no networks, reads no firmware state, and asks
no guest agent. So nothing can be replicated from here or to here, and nobody can choose it."""

from __future__ import annotations

from ..interface import Properties
from .access import Access
from .connection import Connection
from .definition import KIND
from .inventory import PveInventory
from .machines import Machines
from .networks import PveNetworks
from .power import PvePower
from .tagging import PveTags


class PveSite:
    """Raises NotPossibleNow and InvalidArgument for an access that cannot be used; dials at the first
    question."""

    def __init__(self, access: Access) -> None:
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
        self.tracking = PveTags(self._connection, machines)
        self.power = PvePower(self._connection, machines, self.tracking)
        self.networks = PveNetworks(self._connection)

    def close(self) -> None:
        self._connection.close()
