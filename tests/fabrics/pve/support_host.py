"""A cluster on which the suite of all fabrics makes machines, as far as no disk is read."""

import secrets

from secondsite.fabrics.pve import PveSite
from tests.fabrics.pve.support_machines import add

MiB = 2**20
NUMBERS = range(100, 200)


class PveHost:
    """As conformance.FabricUnderTest, without its disks: what its cases of inventory and power need."""

    obeys_shutdown = True

    def __init__(self, cluster):
        self.cluster = cluster
        self.fabric = PveSite(cluster.reached_at())
        self._free = iter(NUMBERS)

    def make_machine(self, name, disks_bytes):
        number = next(self._free)
        disks = {
            f"scsi{place}": f"local-lvm:vm-{number}-disk-{place},size={size // MiB}M"
            for place, size in enumerate(disks_bytes)
        }
        return add(self.cluster, number, name=f"{name}-{secrets.token_hex(3)}", **disks)

    def switch_on(self, fabric_id):
        """By its owner, who needs nobody's leave."""
        self._machine(fabric_id).status = self._machine(fabric_id).qmpstatus = "running"

    def kill(self, fabric_id):
        self._machine(fabric_id).status = self._machine(fabric_id).qmpstatus = "stopped"

    def reopen(self):
        self.fabric.close()
        self.fabric = PveSite(self.cluster.reached_at())

    def _machine(self, fabric_id):
        return self.cluster.pve.vm(int(fabric_id.rpartition("-")[2]))
